import { readFileSync } from 'node:fs';
import { ConfigError } from './config.ts';
import { awsQuotas, type QuotaProfile, type Rate, sharedBucket, unlimited } from './domain/quota.ts';

const allowed =
  'unlimited, aws, or a JSON file such as {"rates":{"default":{"rate":2,"burst":5}},"concurrentChats":500}';

/** The quota profile that TERTULIA_QUOTAS names; `operations` are those that there are. Throws ConfigError. */
export function quotaProfile(named: string, operations: readonly string[]): QuotaProfile {
  if (named === 'unlimited') return unlimited;
  if (named === 'aws') return awsQuotas;
  const refuse = (why: string) => new ConfigError(`TERTULIA_QUOTAS is "${named}", ${why}; allowed: ${allowed}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(named, 'utf8'));
  } catch (failure) {
    throw refuse(
      failure instanceof SyntaxError
        ? 'which is not valid JSON'
        : `which cannot be read: ${(failure as Error).message}`,
    );
  }
  if (!isObject(parsed)) throw refuse('which does not hold a JSON object');
  const { rates = {}, concurrentChats, ...others } = parsed as Partial<QuotaProfile>;
  const stranger = Object.keys(others)[0];
  if (stranger !== undefined) throw refuse(`where ${stranger} is not known`);
  if (!isObject(rates)) throw refuse('where rates is not a JSON object');
  // A rate for what nobody calls would leave unlimited what was meant.
  const names = new Set([...operations, ...Object.keys(awsQuotas.rates)]);
  for (const [name, rate] of Object.entries(rates)) {
    const shared = sharedBucket[name];
    if (shared) throw refuse(`where rates.${name} is not known, because ${name} draws from rates.${shared}`);
    if (!names.has(name)) throw refuse(`where rates.${name} is not an operation`);
    if (!isRate(rate)) throw refuse(`where rates.${name} is not {"rate": above 0, "burst": 1 or more}`);
  }
  if (concurrentChats !== undefined && !(Number.isSafeInteger(concurrentChats) && concurrentChats >= 0)) {
    throw refuse('where concurrentChats is not a whole number');
  }
  return { rates, concurrentChats };
}

function isObject(given: unknown): boolean {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

function isRate(given: Rate | undefined): boolean {
  const { rate, burst } = given ?? {};
  return Number.isFinite(rate) && Number(rate) > 0 && Number.isSafeInteger(burst) && Number(burst) >= 1;
}
