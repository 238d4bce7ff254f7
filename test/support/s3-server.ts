import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { startChild } from './child.ts';

/** A server that speaks S3, for as long as a test file needs it. */
export interface S3Server extends AsyncDisposable {
  readonly url: string;
  /** Makes a bucket that nobody else has. */
  bucket(): Promise<string>;
  /** All keys in a bucket, up to a thousand. */
  keys(bucket: string): Promise<string[]>;
}

export const region = 'us-east-1';

export async function startS3Server(): Promise<S3Server> {
  // The SDK looks here first; without these it would ask the network for the role of a machine.
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  const child = startChild('s3-server-child.ts', []);
  const url = (await child.line()) ?? '';
  const client = new S3Client({ region, endpoint: url, forcePathStyle: true });
  let made = 0;
  return {
    url,
    async bucket() {
      made += 1;
      const name = `bucket-${made}`;
      await client.send(new CreateBucketCommand({ Bucket: name }));
      return name;
    },
    async keys(bucket) {
      const { Contents: found = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      return found.map(({ Key: key = '' }) => key);
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await child.kill();
    },
  };
}
