import type { EventFact, MessageEvent } from './message-event.ts'
import { type ProviderName, reportName, shortDigest } from './message-names.ts'

/**
 * The fact that a report on a message lies in another stream than the message. Its own stream depends on the name of the message alone, so
 * that it is found from the message; its key on the report, so that it is recorded once.
 */
export async function reportFiledFact(
  report: MessageEvent & { readonly streamId: string },
  name: ProviderName | string,
): Promise<EventFact> {
  const { channel, provider, account, messageId, providerMessageId, occurredAt, idempotencyKey: reportKey, streamId } = report
  return {
    type: 'report.filed',
    idempotencyKey: `report-filed:${await shortDigest(reportKey)}`,
    channel,
    provider,
    ...(account === undefined ? {} : { account }),
    occurredAt,
    occurredAtSource: 'local',
    data: {
      name: await reportName(name),
      streamId,
      reportKey,
      ...(messageId === undefined ? {} : { messageId }),
      ...(providerMessageId === undefined ? {} : { providerMessageId }),
    },
  }
}
