/**
 * Who is in a chat, as SPEC.md says it, in the plainest words: what the real program is held against. It imports nothing
 * of the program, and is written from the rules, not from the code.
 */

export type Role = 'CUSTOMER' | 'CUSTOM_BOT' | 'AGENT' | 'SUPERVISOR';

interface Person {
  readonly name: string;
  readonly role: Role;
  readonly createdAt: number;
  hasCredentials: boolean;
  isConnected: boolean;
  isGone: boolean;
}

/** What a call must answer: 200, or the status of its refusal. */
export type Status = 200 | 400 | 402 | 403 | 404 | 409;

const botWindow = 15_000;
const customerWindow = 5 * 60_000;

export class Reference {
  readonly people: Person[] = [];
  readonly transcript: string[] = [];
  hasEnded = false;
  readonly startedAt: number;
  readonly expiresAt: number;

  constructor(now: number, durationMs: number) {
    this.startedAt = now;
    this.expiresAt = now + durationMs;
    this.people.push(person('Customer', 'CUSTOMER', now));
  }

  /** What the time alone does. Called with every moment at which anything is asked. */
  elapse(now: number): void {
    if (this.hasEnded) return;
    const customer = this.people[0];
    if (customer && !customer.isConnected && now >= this.startedAt + customerWindow) this.end();
    else if (now >= this.expiresAt) this.end();
  }

  createBot(name: string, now: number): Status {
    if (this.hasEnded) return 404;
    if (this.people.some((each) => isAgent(each) && each.isConnected && !each.isGone)) return 409;
    if (this.people.some((each) => this.holdsBotPlace(each, now))) return 402;
    this.people.push(person(name, 'CUSTOM_BOT', now));
    return 200;
  }

  createAgent(name: string, role: 'AGENT' | 'SUPERVISOR', now: number): Status {
    if (this.hasEnded) return 400;
    this.people.push(person(name, role, now));
    return 200;
  }

  /** CreateParticipantConnection; `joins` asks to be connected by it. */
  connect(name: string, joins: boolean, now: number): Status {
    const one = this.find(name);
    if (one.isGone) return 403;
    if (this.isExpired(one, now)) return 404;
    if (this.hasEnded) return 403;
    one.hasCredentials = true;
    if (joins) this.join(one, now);
    return 200;
  }

  send(name: string, text: string, now: number): Status {
    const one = this.find(name);
    if (one.isGone || this.hasEnded) return 403;
    this.join(one, now);
    this.transcript.push(`${name}: ${text}`);
    return 200;
  }

  leave(name: string): Status {
    const one = this.find(name);
    if (one.isGone || this.hasEnded) return 403;
    one.isGone = true;
    if (one.isConnected) this.transcript.push(`left ${name}`);
    if (one.role === 'CUSTOMER') this.end();
    if (
      one.role === 'AGENT' &&
      one.isConnected &&
      !this.people.some((each) => each.role === 'AGENT' && each.isConnected && !each.isGone)
    ) {
      this.end();
    }
    return 200;
  }

  stop(): Status {
    this.end();
    return 200;
  }

  private join(one: Person, now: number): void {
    if (one.isConnected) return;
    if (isAgent(one)) {
      for (const bot of this.people.filter((each) => this.holdsBotPlace(each, now))) {
        if (bot.isConnected) this.transcript.push(`left ${bot.name}`);
        bot.isGone = true;
      }
    }
    one.isConnected = true;
    this.transcript.push(`joined ${one.name}`);
  }

  private end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.transcript.push('ended');
  }

  private holdsBotPlace(one: Person, now: number): boolean {
    return one.role === 'CUSTOM_BOT' && !one.isGone && !this.isExpired(one, now);
  }

  /** Once the chat is over nobody's window runs any more. */
  private isExpired(one: Person, now: number): boolean {
    const waits = one.role === 'CUSTOM_BOT' && !one.hasCredentials && !this.hasEnded;
    return waits && now > one.createdAt + botWindow;
  }

  private find(name: string): Person {
    const one = this.people.find((each) => each.name === name);
    if (!one) throw new Error(`the reference knows no ${name}`);
    return one;
  }
}

function person(name: string, role: Role, now: number): Person {
  return { name, role, createdAt: now, hasCredentials: false, isConnected: false, isGone: false };
}

function isAgent({ role }: Person): boolean {
  return role === 'AGENT' || role === 'SUPERVISOR';
}
