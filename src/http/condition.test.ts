import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findOperator } from './condition.ts';

/** Asks a condition of that operator and those values of a policy what it says to the values of a request. */
function holds(operator: string, wanted: string[], given: string[] | undefined): boolean {
  const compiled = findOperator(operator)?.(wanted);
  assert.ok(compiled?.ok, `${operator} ${wanted.join()}`);
  return compiled.holds(given);
}

type Row = [operator: string, wanted: string[], given: string[] | undefined, expected: boolean];

function check(rows: readonly Row[]): void {
  for (const [operator, wanted, given, expected] of rows) {
    assert.equal(holds(operator, wanted, given), expected, `${operator} [${wanted}] of [${given}]`);
  }
}

describe('condition operators', () => {
  it('[PO6] compares strings exactly, without case, or by wildcards', () => {
    check([
      ['StringEquals', ['a'], ['a'], true],
      ['StringEquals', ['a'], ['A'], false],
      ['StringEquals', ['a*'], ['ab'], false],
      ['StringNotEquals', ['a'], ['A'], true],
      ['StringNotEquals', ['a'], ['a'], false],
      ['StringEqualsIgnoreCase', ['aÉ'], ['Aé'], true],
      ['StringEqualsIgnoreCase', ['a'], ['b'], false],
      ['StringNotEqualsIgnoreCase', ['a'], ['A'], false],
      ['StringNotEqualsIgnoreCase', ['a'], ['b'], true],
      ['StringLike', ['a*c?'], ['abcd'], true],
      ['StringLike', ['a*c?'], ['Abcd'], false],
      ['StringNotLike', ['a*'], ['ab'], false],
      ['StringNotLike', ['a*'], ['b'], true],
    ]);
  });

  it('[PO6] compares ARNs part by part', () => {
    const user = 'arn:aws:iam::123456789012:user/division/alice';
    for (const [yes, no] of [
      ['ArnEquals', 'ArnNotEquals'],
      ['ArnLike', 'ArnNotLike'],
    ] as const) {
      const rows: [wanted: string, given: string, matches: boolean][] = [
        [user, user, true],
        ['arn:aws:iam::*:user/*', user, true],
        ['arn:aws:iam::?23456789012:user/division/*', user, true],
        ['arn:*:user/division/alice:*:*:*', user, false],
        ['arn:aws:iam::123456789012:role/*', user, false],
        ['arn:aws:logs:*:*:log:group:*', 'arn:aws:logs:r:1:log:group:x', true],
        ['arn:aws:iam::*:*', 'not an arn', false],
        ['arn:aws:iam::*:*', 'arn:aws:iam::1', false],
      ];
      for (const [wanted, given, matches] of rows) {
        assert.equal(holds(yes, [wanted], [given]), matches, `${wanted} ~ ${given}`);
        assert.equal(holds(no, [wanted], [given]), !matches, `${wanted} !~ ${given}`);
      }
    }
  });

  it('[PO6] compares numbers and dates as such', () => {
    check([
      ['NumericEquals', ['10'], ['10.0'], true],
      ['NumericEquals', ['10'], ['ten'], false],
      ['NumericNotEquals', ['10'], ['9'], true],
      ['NumericNotEquals', ['10'], ['+10'], false],
      ['NumericNotEquals', ['10'], ['ten'], true],
      ['NumericLessThan', ['10'], ['9'], true],
      ['NumericLessThan', ['10'], ['10'], false],
      ['NumericLessThanEquals', ['10'], ['10'], true],
      ['NumericLessThanEquals', ['10'], ['10.5'], false],
      ['NumericGreaterThan', ['-1'], ['0'], true],
      ['NumericGreaterThan', ['10'], ['10'], false],
      ['NumericGreaterThan', ['10'], ['eleven'], false],
      ['NumericGreaterThanEquals', ['10'], ['10'], true],
      ['NumericGreaterThanEquals', ['10'], ['9'], false],
      ['DateEquals', ['2026-01-31T12:00:00Z'], ['1769860800'], true],
      ['DateEquals', ['2026-01-31'], ['2026-01-31T01:00:00+01:00'], true],
      ['DateNotEquals', ['2026-01-31'], ['2026-02-01'], true],
      ['DateLessThan', ['2026-01-31'], ['2026-01-30T23:59:59.999Z'], true],
      ['DateLessThan', ['2026-01-31'], ['2026-01-31'], false],
      ['DateLessThanEquals', ['2026-01-31'], ['2026-01-31'], true],
      ['DateGreaterThan', ['2026-01-31'], ['2026-01-31T00:01Z'], true],
      ['DateGreaterThan', ['2026-01-31'], ['2026-02-30'], false],
      ['DateGreaterThanEquals', ['2026-01-31'], ['2026-01-30'], false],
      ['DateGreaterThanEquals', ['2026-01-31'], ['tomorrow'], false],
    ]);
  });

  it('[PO6] compares booleans and addresses', () => {
    check([
      ['Bool', ['true'], ['true'], true],
      ['Bool', ['True'], ['true'], true],
      ['Bool', ['false'], ['true'], false],
      ['Bool', ['true'], ['yes'], false],
      ['IpAddress', ['203.0.113.0/24'], ['203.0.113.7'], true],
      ['IpAddress', ['203.0.113.0/24'], ['203.0.114.7'], false],
      ['IpAddress', ['203.0.113.7'], ['203.0.113.7'], true],
      ['IpAddress', ['0.0.0.0/0'], ['198.51.100.1'], true],
      ['IpAddress', ['10.0.0.0/8'], ['::ffff:10.1.2.3'], true],
      ['IpAddress', ['2001:db8::/32'], ['2001:db8:1::1'], true],
      ['IpAddress', ['2001:db8::/32'], ['203.0.113.7'], false],
      ['IpAddress', ['0.0.0.0/0'], ['nowhere'], false],
      ['NotIpAddress', ['203.0.113.0/24', '10.0.0.0/8'], ['10.0.0.1'], false],
      ['NotIpAddress', ['203.0.113.0/24', '10.0.0.0/8'], ['198.51.100.1'], true],
    ]);
  });

  it('[PO7] takes several values of the policy as OR, and as none of them when negated', () => {
    check([
      ['StringEquals', ['a', 'b'], ['b'], true],
      ['StringEquals', ['a', 'b'], ['c'], false],
      ['StringNotEquals', ['a', 'b'], ['b'], false],
      ['StringNotEquals', ['a', 'b'], ['c'], true],
    ]);
  });

  it('[PO8] fails on a key that the request lacks, unless negated or IfExists', () => {
    for (const lacking of [undefined, []]) {
      check([
        ['StringEquals', ['a'], lacking, false],
        ['Bool', ['false'], lacking, false],
        ['NumericLessThan', ['1'], lacking, false],
        ['StringNotEquals', ['a'], lacking, true],
        ['ArnNotLike', ['arn:aws:iam::*:*'], lacking, true],
        ['NotIpAddress', ['10.0.0.0/8'], lacking, true],
        ['StringEqualsIfExists', ['a'], lacking, true],
        ['StringNotEqualsIfExists', ['a'], lacking, true],
        ['BoolIfExists', ['true'], lacking, true],
        ['Null', ['true'], lacking, true],
        ['Null', ['false'], lacking, false],
      ]);
    }
    check([
      ['StringEqualsIfExists', ['a'], ['b'], false],
      ['StringEqualsIfExists', ['a'], ['a'], true],
      ['Null', ['true'], [''], false],
      ['Null', ['false'], [''], true],
      ['Null', ['true', 'false'], ['a'], true],
    ]);
  });

  it('[PO9] asks every value of the request, or any, after ForAllValues and ForAnyValue', () => {
    check([
      ['ForAllValues:StringEquals', ['a', 'b'], ['b', 'a'], true],
      ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
      ['ForAllValues:StringEquals', ['a'], undefined, true],
      ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'd'], true],
      ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'a'], false],
      ['ForAnyValue:StringLike', ['a*'], ['c', 'ab'], true],
      ['ForAnyValue:StringLike', ['a*'], ['c', 'd'], false],
      ['ForAnyValue:StringEquals', ['a'], [], false],
      ['ForAnyValue:StringNotEquals', ['a'], undefined, false],
      ['ForAnyValue:StringNotEquals', ['a'], ['a', 'b'], true],
      ['ForAnyValue:StringNotEquals', ['a'], ['a'], false],
      ['ForAnyValue:StringEqualsIfExists', ['a'], undefined, true],
      ['ForAllValues:StringEqualsIfExists', ['a'], ['b'], false],
    ]);
  });

  it('[PO9] without them wants one match among several values of the request, and none when negated', () => {
    check([
      ['StringEquals', ['a'], ['b', 'a'], true],
      ['StringNotEquals', ['a'], ['b', 'a'], false],
      ['StringNotEquals', ['a'], ['b', 'c'], true],
    ]);
  });

  it('[PO10] knows no other operator, and no value that the operator cannot take', () => {
    for (const unknown of [
      'BinaryEquals',
      'stringequals',
      'StringEqual',
      'ForSomeValues:StringEquals',
      'NullIfExists',
      'ForAnyValue:Null',
      'IfExists',
      '',
      'constructor',
    ]) {
      assert.equal(findOperator(unknown), undefined, unknown);
    }
    const wrong: [operator: string, value: string][] = [
      ['Bool', 'yes'],
      ['Null', '1'],
      ['NumericEquals', '1e3'],
      ['NumericLessThan', ''],
      ['DateEquals', '2026-02-30'],
      ['DateEquals', '2026-13-01'],
      ['DateLessThan', '2026-01-31T12:00:00'],
      ['DateLessThan', 'tomorrow'],
      ['ArnLike', '*'],
      ['ArnLike', 'urn:a:b:c:d:e'],
      ['ArnEquals', 'arn:aws:iam::1'],
      ['IpAddress', '10.0.0.0/33'],
      ['IpAddress', '2001:db8::/129'],
      ['IpAddress', 'localhost'],
      ['IpAddress', '10.0.0.0/8/8'],
    ];
    for (const [operator, value] of wrong) {
      const compiled = findOperator(operator)?.([value]);
      assert.ok(compiled && !compiled.ok, `${operator} ${value}`);
      assert.equal(compiled.wrong, value);
    }
  });
});
