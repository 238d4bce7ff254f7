import { createRequire } from 'node:module';

/**
 * A process that holds each message of its arguments against a validator of SNS messages, and says how that ended.
 * The validator is told which hosts to trust, the process (by its environment) which authority: nothing else.
 */
type Validator = new (
  hosts: RegExp,
) => {
  validate(message: string, done: (failure: Error | null) => void): void;
};
const MessageValidator = createRequire(import.meta.url)('sns-validator') as Validator;
const validator = new MessageValidator(/^127\.0\.0\.1:\d+$/);

for (const message of process.argv.slice(2)) {
  const failure = await new Promise<Error | null>((resolve) => validator.validate(message, resolve));
  console.log(failure ? failure.message : 'accepted');
}
