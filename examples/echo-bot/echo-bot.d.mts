export function joinAsBot(options: {
  instanceId: string;
  contactId: string | undefined;
  displayName?: string;
  options?: object;
}): Promise<{ participantId: string; ended: Promise<void> }>;
