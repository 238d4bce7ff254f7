import { integer, label, list, string, structure } from '../../shape/shape.ts';
import { participantOperation } from '../operation.ts';
import { presentChat } from '../presence.ts';
import { bearer } from '../shapes.ts';

const viewName = string({
  min: 1,
  max: 255,
  pattern: /^([\p{L}\p{N}_.:/=+\-@()']+[\p{L}\p{Z}\p{N}_.:/=+\-@()']*)$/u,
  sensitive: true,
});

/** The token is one segment of the path: tokens that hold a slash are percent-encoded, and decoded once. */
export const DescribeView = participantOperation({
  name: 'DescribeView',
  route: ['GET', '/participant/views/{ViewToken}'],
  bearer: 'connection',
  errors: [
    'AccessDeniedException',
    'InternalServerException',
    'ThrottlingException',
    'ResourceNotFoundException',
    'ValidationException',
  ],
  input: structure({ ViewToken: label(string({ min: 1, max: 1000 })), ConnectionToken: bearer }),
  output: structure({
    View: structure({
      Id: string({ min: 1, max: 500, pattern: /^[a-zA-Z0-9_\-:/$]+$/ }),
      Arn: string(),
      Name: viewName,
      Version: integer(),
      Content: structure({
        InputSchema: string({ sensitive: true }),
        Template: string({ sensitive: true }),
        Actions: list(viewName),
      }),
    }),
  }),
  async handle(call) {
    const { contact } = await presentChat(call);
    // Flows show views and hand out their tokens; as long as there are none, no token names one.
    throw call.fault(
      'ResourceNotFoundException',
      `The ViewToken names no view that was shown in contact ${contact.id}; use the viewToken of an interactive message of this chat.`,
      { ResourceId: contact.id, ResourceType: 'CONTACT' },
    );
  },
});
