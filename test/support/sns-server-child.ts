import { startFauxqs } from 'fauxqs';

/** SNS and SQS in a process of its own, which believes every signature: topic `bots`, and a queue that is subscribed to it. */
const [, , port = '0'] = process.argv;
const server = await startFauxqs({ port: Number(port), host: '127.0.0.1', logger: false });
server.createTopic('bots');
server.createQueue('bots');
server.subscribe({ topic: 'bots', queue: 'bots' });
process.stdout.write(`http://127.0.0.1:${server.port}\n`);

process.stdin.on('end', () => process.exit());
process.stdin.resume();
