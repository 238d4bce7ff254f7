import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { catalogue, common, type ServiceName } from '../../src/fault.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { registry } from '../../src/operations/registry.ts';
import type { Member, Shape } from '../../src/shape/shape.ts';
import { absences } from '../support/beyond-chat.ts';
import { root } from '../support/source.ts';

/**
 * The declarations of all operations held against Amazon's published models, where these are at hand: every difference
 * is explained here, and every explanation needed.
 */

interface ModelMember {
  readonly shape: string;
  readonly location?: string;
  readonly locationName?: string;
}

interface ModelShape {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly sensitive?: boolean;
  readonly union?: boolean;
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, ModelMember>>;
  readonly member?: ModelMember;
  readonly key?: ModelMember;
  readonly value?: ModelMember;
  /** Of errors. */
  readonly error?: { readonly httpStatusCode: number };
}

interface ModelOperation {
  readonly http: { readonly method: string; readonly requestUri: string };
  readonly input: { readonly shape: string };
  readonly output?: { readonly shape: string };
  readonly errors: readonly { readonly shape: string }[];
}

interface Model {
  readonly operations: Readonly<Record<string, ModelOperation>>;
  readonly shapes: Readonly<Record<string, ModelShape>>;
}

/** Beside the project's folder. */
const files = {
  connect: '../shared/facts/connect.model.json',
  participant: '../shared/facts/connectparticipant.model.json',
} as const;
const services = Object.keys(files) as ServiceName[];
const missing = services.filter((service) => !existsSync(join(root, files[service])));
const read = (service: ServiceName): Model => JSON.parse(readFileSync(join(root, files[service]), 'utf8'));

for (const service of missing) {
  const names = registry.filter((each) => each.service === service).map(({ name }) => name);
  const statuses = Object.keys(catalogue[service]).length;
  console.error(
    `SKIPPED: ${files[service]} is not there. Not held against Amazon's model: ${names.length} operations (${names.join(', ')}), the statuses of ${statuses} errors, and whether each explained difference exists.`,
  );
}

const isUnion = 'is a structure, in the model a union';

/** Where we differ from the model, and why. Anything else that differs fails. */
const explained: Readonly<Record<string, string>> = {
  'SendEvent input/Content: min is 0, in the model 1': 'Amazon’s native clients send an empty one',
  'ListTagsForResource output/tags: min is undefined, in the model 1':
    'a resource without tags is answered with an empty map',
  'GetAuthenticationUrl input/RedirectUri: min is 0, in the model 1': 'the chat widget sends an empty one',
  'DescribeContact output/Contact/Recordings/0/MediaStreamType: enum with CHAT':
    'Amazon’s description of contact records has it for chats; the model knows calls alone',
  [`ListContactReferences output/ReferenceSummaryList/0: ${isUnion}`]: 'the handler gives each the one of its type',
  [`UpdateParticipantRoleConfig input/ChannelConfiguration: ${isUnion}`]:
    'the handler refuses one without its only member, in its own words',
  [`UpdateParticipantRoleConfig input/ChannelConfiguration/Chat/ParticipantTimerConfigList/0/TimerValue: ${isUnion}`]:
    'the handler demands exactly one member, in its own words',
  ...Object.fromEntries(
    absences.flatMap(({ at, reason, members }) => members.map((member) => [`${at}: without ${member}`, reason])),
  ),
};

const places: Readonly<Record<string, Member['place']>> = { uri: 'path', header: 'header', querystring: 'query' };

/** A shape of the model's together with the one of ours that stands for it. */
type Pair = readonly [name: string, ours: Shape];

/** Every way in which a shape of ours is not the model's. */
function differences(model: Model, name: string, ours: Shape, at: string, above: readonly Pair[] = []): string[] {
  const theirs = model.shapes[name];
  assert.ok(theirs, `the model has no shape ${name}`);
  // Segment attributes contain themselves.
  if (above.some(([one, other]) => one === name && other === ours)) return [];
  if (theirs.type !== ours.kind) return [`${at}: is ${ours.kind}, in the model ${theirs.type}`];
  const found: string[] = [];
  const inner = (member: ModelMember | undefined, shape: Shape | undefined, path: string) => {
    if (member && shape) {
      found.push(...differences(model, member.shape, shape, `${at}/${path}`, [...above, [name, ours]]));
    } else if (member || shape) found.push(`${at}: ${path} is ${member ? 'missing' : 'not in the model'}`);
  };
  for (const limit of ['min', 'max'] as const) {
    if (theirs[limit] !== ours[limit]) found.push(`${at}: ${limit} is ${ours[limit]}, in the model ${theirs[limit]}`);
  }
  if (unescaped(theirs.pattern) !== unescaped(ours.pattern?.source)) {
    found.push(`${at}: pattern is ${ours.pattern?.source}, in the model ${theirs.pattern}`);
  }
  const [missing, more] = [without(theirs.enum, ours.values), without(ours.values, theirs.enum)];
  if (missing.length > 0) found.push(`${at}: enum without ${missing.join(', ')}`);
  if (more.length > 0) found.push(`${at}: enum with ${more.join(', ')}`);
  // We call more texts sensitive than Amazon does: never fewer.
  if (theirs.type === 'string' && theirs.sensitive && !ours.sensitive) found.push(`${at}: is not sensitive`);
  if (theirs.union) found.push(`${at}: ${isUnion}`);
  inner(theirs.member ?? theirs.value, ours.of, theirs.type === 'map' ? 'value' : '0');
  inner(theirs.key, ours.key, 'key');
  found.push(...memberDifferences(theirs, ours, at));
  for (const [member, each] of Object.entries(theirs.members ?? {})) {
    const our = ours.members?.[member];
    if (our) inner(each, our.shape, member);
  }
  return found;
}

/** Which members there are, which are required, where they travel and under which names. */
function memberDifferences({ members: theirs = {}, required = [] }: ModelShape, ours: Shape, at: string): string[] {
  const members = ours.members ?? {};
  const found = without(Object.keys(members), Object.keys(theirs)).map((name) => `${at}: ${name} is not in the model`);
  for (const [name, their] of Object.entries(theirs)) {
    const our = members[name];
    if (!our) {
      found.push(`${at}: without ${name}`);
      continue;
    }
    const isRequired = required.includes(name);
    if (our.required !== isRequired) found.push(`${at}/${name}: is ${isRequired ? '' : 'not '}required in the model`);
    const place = their.location === undefined ? 'body' : (places[their.location] ?? their.location);
    if (our.place !== place) found.push(`${at}/${name}: is in the ${our.place}, in the model in the ${place}`);
    const [wireName, theirName] = [our.wireName ?? name, their.locationName ?? name];
    // Names of headers are the same in any case, and lower here.
    if (wireName !== (place === 'header' ? theirName.toLowerCase() : theirName)) {
      found.push(`${at}/${name}: travels as ${wireName}, in the model as ${theirName}`);
    }
  }
  return found;
}

/** A pattern without the escapes that mean nothing. */
function unescaped(pattern: string | undefined): string | undefined {
  return pattern?.replaceAll(/\\([_/])/g, '$1');
}

function without(all: readonly string[] = [], those: readonly string[] = []): string[] {
  return all.filter((each) => !those.includes(each));
}

/** Every way in which an operation of ours is not the model's. */
function declared({ service, name, method, path, errors, input, output }: Operation): string[] {
  const model = read(service);
  const theirs = model.operations[name];
  assert.ok(theirs, `the model has no operation ${name}`);
  const found: string[] = [];
  const [route, theirRoute] = [`${method} ${path}`, `${theirs.http.method} ${theirs.http.requestUri}`];
  if (route !== theirRoute) found.push(`${name}: is ${route}, in the model ${theirRoute}`);
  const theirErrors = theirs.errors.map(({ shape }) => shape);
  found.push(
    ...without(theirErrors, errors).map((each) => `${name}: does not declare ${each}`),
    ...without(errors, theirErrors).map((each) => `${name}: declares ${each}, which the model does not`),
    ...differences(model, theirs.input.shape, input, `${name} input`),
    ...(theirs.output
      ? differences(model, theirs.output.shape, output, `${name} output`)
      : memberDifferences({ type: 'structure' }, output, `${name} output`)),
  );
  return found;
}

describe('the declarations of operations', () => {
  for (const operation of registry) {
    const skip = missing.includes(operation.service) && `${files[operation.service]} is not there`;
    it(`[SH1, SH7] of ${operation.name} are those of Amazon’s model: route, errors, members and every limit`, {
      skip,
    }, () => {
      assert.deepEqual(
        declared(operation).filter((each) => !Object.hasOwn(explained, each)),
        [],
      );
    });
  }

  it('[SH1, SH7] differ wherever it is said here that they do, each for a reason', {
    skip: missing.length > 0 && `without ${missing.map((service) => files[service]).join(' and ')}`,
  }, () => {
    const found = new Set(registry.flatMap(declared));
    assert.deepEqual(
      Object.keys(explained).filter((each) => !found.has(each)),
      [],
    );
    assert.deepEqual(
      Object.entries(explained).filter(([, reason]) => reason.trim() === ''),
      [],
    );
  });

  it('[SH1] are found to differ in whatever they do', () => {
    const model: Model = {
      operations: {},
      shapes: {
        Whole: {
          type: 'structure',
          union: true,
          required: ['Text'],
          members: {
            Text: { shape: 'Text', location: 'querystring', locationName: 'text' },
            Head: { shape: 'Text', location: 'header', locationName: 'X-Head' },
            Status: { shape: 'Text', location: 'statusCode' },
            List: { shape: 'List' },
            Map: { shape: 'Map' },
            Tree: { shape: 'Tree' },
            Gone: { shape: 'Text' },
          },
        },
        Text: { type: 'string', min: 1, max: 9, pattern: '^a', enum: ['A', 'B'], sensitive: true },
        List: { type: 'list', member: { shape: 'Text' } },
        Map: { type: 'map', key: { shape: 'Text' }, value: { shape: 'Text' } },
        Tree: { type: 'structure', members: { Tree: { shape: 'Tree' } } },
      },
    };
    const text: Shape = { kind: 'string', min: 1, max: 9, pattern: /^a/, values: ['B', 'A'], sensitive: true };
    const optional = { required: false, place: 'body' } as const;
    const ours: Shape = {
      kind: 'structure',
      members: {
        Text: { ...optional, shape: { kind: 'string', min: 2, values: ['B', 'C'] }, place: 'query' },
        Head: { shape: text, required: true, place: 'header', wireName: 'x-head' },
        Status: { ...optional, shape: text },
        List: { ...optional, shape: { kind: 'list', of: { kind: 'integer' } } },
        Map: { ...optional, shape: { kind: 'map', of: text } },
        Tree: { ...optional, shape: { kind: 'structure', members: {} } },
        New: { ...optional, shape: text },
      },
    };
    assert.deepEqual(differences(model, 'Whole', ours, 'whole').sort(), [
      'whole/Head: is not required in the model',
      'whole/List/0: is integer, in the model string',
      'whole/Map: key is missing',
      'whole/Status: is in the body, in the model in the statusCode',
      'whole/Text: enum with C',
      'whole/Text: enum without A',
      'whole/Text: is not sensitive',
      'whole/Text: is required in the model',
      'whole/Text: max is undefined, in the model 9',
      'whole/Text: min is 2, in the model 1',
      'whole/Text: pattern is undefined, in the model ^a',
      'whole/Text: travels as Text, in the model as text',
      'whole/Tree: without Tree',
      'whole: New is not in the model',
      `whole: ${isUnion}`,
      'whole: without Gone',
    ]);
  });
});

describe('the catalogue of errors', () => {
  for (const service of services) {
    const skip = missing.includes(service) && `${files[service]} is not there`;
    it(`[HT1] has the statuses of Amazon’s model of the ${service} service`, { skip }, () => {
      const { shapes } = read(service);
      const theirs = (names: readonly string[]) =>
        Object.fromEntries(names.map((name) => [name, shapes[name]?.error?.httpStatusCode]));
      assert.deepEqual(catalogue[service], theirs(Object.keys(catalogue[service])));
      // Those that any operation may answer are not modelled, but for a few.
      const modelled = Object.entries(common).filter(([name]) => shapes[name]);
      assert.deepEqual(Object.fromEntries(modelled), theirs(modelled.map(([name]) => name)));
    });
  }
});
