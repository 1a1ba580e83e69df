export type ErrorCode =
  | 'missingRemoteClient' // the peer is not in the room, neither live nor in its grace window
  | 'mailboxFull' // the peer has too much waiting; nothing was stored
  | 'validation' // the server does not take this for a message; see issues
  | 'tooBig' // larger than the server accepts
  | 'duplicateRequestId' // a message with that id awaits its answer
  | 'outboxFull' // too many messages await their answer
  | 'unconfirmed' // plain dialect: the connection ended before the answer
  | 'blocked' // the platform lets this client connect nowhere (ws: from an https: page, a bad URL, no WebSocket); see cause
  | 'unauthorized' // the server asks for a token or has refused ours; with a callback, a fresh one too
  | 'removed' // the operator ended the session (4004)
  | 'closed' // close() or detach() was called
  | 'resumedElsewhere' // another connection took the session up (4001)
  | 'refused'; // the server closed for a reason that will not go away; see closeCode

/** Why a message was not delivered to the mailbox of its peer, or why the client ended. */
export class RejoinError extends Error {
  override readonly name = 'RejoinError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: { closeCode?: number; status?: number; issues?: unknown } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The end of a client that is not let in. */
export function unauthorized({ code, reason, status }: { code: number; reason: string; status?: number }): RejoinError {
  return new RejoinError('unauthorized', code === 4003 ? reason : 'the server refuses the token', { closeCode: code, ...(status && { status }) });
}

/** What a close code means (rules X1): an error that ends the client, or undefined when it should come back. 4003 is final without a fresh token. */
export function finalError(closeCode: number, reason: string): RejoinError | undefined {
  if (closeCode === 4001) return new RejoinError('resumedElsewhere', reason || 'resumed elsewhere', { closeCode });
  if (closeCode === 4003) return new RejoinError('unauthorized', reason || 'token expired', { closeCode });
  if (closeCode === 4004) return new RejoinError('removed', reason || 'removed', { closeCode });
  if ([1002, 1003, 1007, 1008, 1009].includes(closeCode)) {
    return new RejoinError('refused', reason || `closed with ${closeCode}`, { closeCode });
  }
  return undefined;
}
