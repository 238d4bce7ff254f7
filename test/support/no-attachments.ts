import type { AttachmentJobs } from '../../src/jobs/attachments.ts';

/** For chats whose attachments are not what a test is about: there are none. */
export const noAttachments: AttachmentJobs = {
  settle: async () => {},
  sweep: async () => {},
  removeBelow: async () => 0,
  idle: async () => {},
  async [Symbol.asyncDispose]() {},
};
