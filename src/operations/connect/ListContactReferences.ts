import type { Reference } from '../../domain/chat.ts';
import { type Infer, label, list, query, required, string, structure } from '../../shape/shape.ts';
import { findNamed } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import {
  contactId,
  instanceId,
  referenceArn,
  referenceKey,
  referenceStatus,
  referenceType,
  referenceValue,
} from '../shapes.ts';

const value = structure({ Name: referenceKey, Value: referenceValue });
const emailMessage = structure({ Name: referenceKey, Arn: referenceArn });

/** A union: each summary has one of these. */
const reference = structure({
  Url: value,
  Attachment: structure({ Name: referenceKey, Value: referenceValue, Status: referenceStatus, Arn: referenceArn }),
  EmailMessage: emailMessage,
  EmailMessageRedacted: emailMessage,
  EmailMessagePlainText: emailMessage,
  EmailMessagePlainTextRedacted: emailMessage,
  String: value,
  Number: value,
  Date: value,
  Email: value,
});

export const ListContactReferences = connectOperation({
  name: 'ListContactReferences',
  route: ['GET', '/contact/references/{InstanceId}/{ContactId}'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
    'ThrottlingException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    ContactId: label(contactId),
    ReferenceTypes: required(query('referenceTypes', list(referenceType, { max: 6 }))),
    NextToken: query('nextToken', string()),
  }),
  // NextToken is always absent: a contact's references are one page.
  output: structure({ ReferenceSummaryList: list(reference), NextToken: string() }),
  async handle(call, input) {
    const { chat } = await findNamed(call, input);
    if (input.NextToken) {
      throw call.fault('InvalidRequestException', 'NextToken is never answered here; repeat the request without it.');
    }
    const types: readonly string[] = input.ReferenceTypes;
    const found = Object.entries(chat.contact.references ?? {}).filter(([, { Type }]) => types.includes(Type));
    return { ReferenceSummaryList: found.map(([name, each]) => summaryOf(name, each)) };
  },
});

/** The types that a chat can have; UpdateContact takes no other. */
const members = { URL: 'Url', STRING: 'String', NUMBER: 'Number', DATE: 'Date', EMAIL: 'Email' } as const;

function summaryOf(name: string, { Type, Value }: Reference): Infer<typeof reference> {
  return { [members[Type as keyof typeof members]]: { Name: name, Value } };
}
