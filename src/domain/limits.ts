/** Rules about sizes and alphabets that Amazon's shapes do not say. */
import { interactive, interactiveResponse, messagingContentTypes, sendableContentTypes } from './content-type.ts';

/** Keys and values together, UTF-8. */
export const maxAttributesBytes = 32_768;
/** Content of one message, UTF-8: Amazon's newest figure, for every content type. */
export const maxContentBytes = 16_384;
/** Smaller limits of some content types. */
export type ContentLimits = Readonly<Record<string, number>>;

/** What is wrong with contact attributes, as a sentence; undefined if nothing. */
export function attributesProblem(attributes: Readonly<Record<string, string>>): string | undefined {
  const bad = Object.keys(attributes).find((key) => !/^[A-Za-z0-9_-]+$/.test(key));
  if (bad !== undefined) {
    return `The attribute key '${shown(bad)}' is not allowed: keys are made of letters, digits, '-' and '_'.`;
  }
  const size = Object.entries(attributes).reduce((sum, [key, value]) => sum + utf8Bytes(key) + utf8Bytes(value), 0);
  if (size <= maxAttributesBytes) return undefined;
  return `The attributes are ${size} bytes long; keys and values together may be ${maxAttributesBytes} bytes of UTF-8.`;
}

/** What is wrong with a message's type or content, given what the chat supports; undefined if nothing. */
export function messageProblem(
  message: { readonly contentType: string; readonly content: string },
  supported: readonly string[],
  limits: ContentLimits,
): string | undefined {
  const { contentType, content } = message;
  if (!sendableContentTypes.includes(contentType)) {
    return `ContentType '${shown(contentType)}' cannot be sent; use one of ${sendableContentTypes.join(', ')}.`;
  }
  if (!supported.includes(contentType)) {
    return `ContentType ${contentType} is not supported by this chat; name it in SupportedMessagingContentTypes of StartChatContact.`;
  }
  const size = utf8Bytes(content);
  const most = limits[contentType] ?? maxContentBytes;
  if (size > most) return `Content is ${size} bytes long; it may be ${most} bytes of UTF-8.`;
  if (contentType === 'application/json' && !isJson(content)) {
    return 'Content is not valid JSON, as ContentType application/json requires.';
  }
  return undefined;
}

/** What is wrong with a list of supported content types; undefined if nothing. */
export function supportedTypesProblem(types: readonly string[]): string | undefined {
  const unknown = types.find((type) => !messagingContentTypes.includes(type));
  if (unknown !== undefined) {
    return `SupportedMessagingContentTypes: '${shown(unknown)}' is not known; use ${messagingContentTypes.join(', ')}.`;
  }
  if (!types.includes('text/plain')) return 'SupportedMessagingContentTypes must contain text/plain.';
  return undefined;
}

/** As much of the API's type as the rules below look at. */
interface SegmentAttributeValue {
  readonly ValueString?: string | undefined;
  readonly ValueMap?: Readonly<Record<string, SegmentAttributeValue>> | undefined;
  readonly ValueList?: readonly SegmentAttributeValue[] | undefined;
}

/** What is wrong with segment attributes; undefined if nothing. */
export function segmentAttributesProblem(
  attributes: Readonly<Record<string, SegmentAttributeValue>>,
  supported: readonly string[],
): string | undefined {
  for (const [name, value] of Object.entries(attributes)) {
    const problem = segmentAttributeProblem(name, value);
    if (problem) return problem;
  }
  const isGuide = attributes['connect:Subtype']?.ValueString === 'connect:Guide';
  if (isGuide && !(supported.includes(interactive) && supported.includes(interactiveResponse))) {
    return `The subtype connect:Guide needs both ${interactive} and ${interactiveResponse} in SupportedMessagingContentTypes.`;
  }
  return undefined;
}

/** Lists and maps hold values of the same kind, for which the same holds. */
function segmentAttributeProblem(name: string, value: SegmentAttributeValue): string | undefined {
  if (!/^(connect:)?[A-Za-z0-9_-]+$/.test(name)) {
    return `The segment attribute name '${shown(name)}' is not allowed: letters, digits, '-' and '_', after 'connect:' for Amazon's own.`;
  }
  if (Object.keys(value).length !== 1) {
    return `The segment attribute '${name}' must have exactly one of ValueString, ValueMap, ValueInteger, ValueList and ValueArn.`;
  }
  const listed = (value.ValueList ?? []).map((each) => [name, each] as const);
  for (const [innerName, inner] of [...listed, ...Object.entries(value.ValueMap ?? {})]) {
    const problem = segmentAttributeProblem(innerName, inner);
    if (problem) return problem;
  }
  return undefined;
}

/** Length in UTF-8 of well-formed text. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // Two bytes above U+007F, three above U+07FF; a surrogate pair is two units and four bytes.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function shown(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}
