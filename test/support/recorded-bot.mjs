import { handler as answer } from '../../examples/streaming-bot/streaming-bot.mjs';

/** The example's handler, which tells the test of each event before it gets it. */
export async function handler(event) {
  await fetch(process.env.RECORDER, { method: 'POST', body: JSON.stringify(event) });
  await answer(event);
}
