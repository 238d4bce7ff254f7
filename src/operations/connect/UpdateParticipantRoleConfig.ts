import { configure, type TimerSetting } from '../../domain/timers.ts';
import { enumeration, type Infer, integer, label, list, required, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { changeContact } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import { contactId, instanceId, nothing } from '../shapes.ts';

const timer = structure({
  ParticipantRole: required(enumeration(['CUSTOMER', 'AGENT'])),
  TimerType: required(enumeration(['IDLE', 'DISCONNECT_NONCUSTOMER'])),
  TimerValue: required(
    structure({
      ParticipantTimerAction: enumeration(['Unset']),
      ParticipantTimerDurationInMinutes: integer({ min: 2, max: 480 }),
    }),
  ),
});

export const UpdateParticipantRoleConfig = connectOperation({
  name: 'UpdateParticipantRoleConfig',
  route: ['PUT', '/contact/participant-role-config/{InstanceId}/{ContactId}'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'AccessDeniedException',
    'ThrottlingException',
    'InternalServiceException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    ContactId: label(contactId),
    ChannelConfiguration: required(
      structure({ Chat: structure({ ParticipantTimerConfigList: required(list(timer, { min: 1, max: 6 })) }) }),
    ),
  }),
  output: nothing,
  async handle(call, input) {
    const timers = input.ChannelConfiguration.Chat?.ParticipantTimerConfigList;
    if (!timers) throw call.fault('InvalidRequestException', 'ChannelConfiguration must have its one member, Chat.');
    const problem = timersProblem(timers);
    if (problem) throw call.fault('InvalidRequestException', problem);
    await changeContact(call, input, (chat) => {
      if (!chat.end) return configure(chat, timers.map(settingOf));
      throw call.fault(
        'ResourceNotFoundException',
        `Contact ${input.ContactId} ended at ${isoTime(chat.end.at)}: timers can be set only while a chat goes on.`,
      );
    });
    return {};
  },
});

type Timer = Infer<typeof timer>;

function timersProblem(timers: readonly Timer[]): string | undefined {
  for (const [index, { ParticipantRole, TimerType, TimerValue }] of timers.entries()) {
    const at = `ChannelConfiguration.Chat.ParticipantTimerConfigList[${index}]`;
    if (Object.keys(TimerValue).length !== 1) {
      return `${at}.TimerValue must have exactly one of ParticipantTimerAction and ParticipantTimerDurationInMinutes.`;
    }
    const first = timers.findIndex((each) => each.ParticipantRole === ParticipantRole && each.TimerType === TimerType);
    if (first < index) {
      return `${at} sets the ${TimerType} timer of the ${ParticipantRole}, as [${first}] does; give each timer once.`;
    }
  }
  return undefined;
}

function settingOf({ ParticipantRole: role, TimerType: type, TimerValue }: Timer): TimerSetting {
  return { role, type, minutes: TimerValue.ParticipantTimerDurationInMinutes };
}
