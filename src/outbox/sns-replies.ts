import type { Reply, Request } from '../http/request.ts';

/** Answers of SNS's query API, in its XML. */

const namespace = 'http://sns.amazonaws.com/doc/2010-03-31/';

export function confirmed({ id }: Request, subscriptionArn: string): Reply {
  const result = `<ConfirmSubscriptionResult><SubscriptionArn>${text(subscriptionArn)}</SubscriptionArn></ConfirmSubscriptionResult>`;
  const metadata = `<ResponseMetadata><RequestId>${id}</RequestId></ResponseMetadata>`;
  const body = `<ConfirmSubscriptionResponse xmlns="${namespace}">${result}${metadata}</ConfirmSubscriptionResponse>`;
  return xml(id, 200, body);
}

export function refused({ id }: Request, status: number, code: string, message: string): Reply {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${text(message)}</Message></Error>`;
  const body = `<ErrorResponse xmlns="${namespace}">${error}<RequestId>${id}</RequestId></ErrorResponse>`;
  return xml(id, status, body);
}

export function pem({ id }: Request, certificate: string): Reply {
  const headers = { 'content-type': 'application/x-pem-file', 'x-amzn-requestid': id };
  return { status: 200, headers, body: certificate };
}

function xml(id: string, status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': id }, body };
}

function text(of: string): string {
  return of.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
