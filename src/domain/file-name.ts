/** The names that senders give their files: of any characters, and therefore never part of a path of ours. */

/** What follows the last dot, in lower case; '' without one, or if nothing does. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase();
}

/** Path separators, what controls a terminal or a header, and what makes a name read backwards (`exe.fdp` for `pdf.exe`). */
const unsafe = /[/\\\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** `Content-Disposition` of a download (RFC 6266): the name in ASCII for old clients, and as it is for all others. */
export function disposition(name: string): string {
  const safe = name.replaceAll(unsafe, '_');
  // encodeURIComponent leaves four characters that RFC 5987 does not.
  const encoded = encodeURIComponent(safe).replaceAll(
    /['()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${plain(safe)}; filename*=UTF-8''${encoded}`;
}

/** The same for an upload, in ASCII alone and at most `longest` characters: the end of the name, where its extension is. */
export function plainDisposition(name: string, longest: number): string {
  const room = longest - plain('').length;
  return plain(name.slice(-room));
}

function plain(name: string): string {
  // A percent sign would be taken for an encoding by some browsers, a quote or a backslash for the end of the name.
  return `attachment; filename="${name.replaceAll(/[^ -~]|["\\/%]/gu, '_')}"`;
}
