export { type Comms, type CommsOptions, createComms, type ReparseReport, type SendWaiting } from './comms.ts'
export { consoleLogger } from './console-logger.ts'
export { type ChannelCounts, type ChannelMetricsState, channelCounts, channelMetrics } from './consumers/channel-metrics.ts'
export type { CheckpointStore } from './consumers/checkpoint-store.ts'
export type { Consumer } from './consumers/checkpointed-consumer.ts'
export { type ConsentFact, type ConsentState, consent, consentLedger, consentOf } from './consumers/consent.ts'
export { runConsumer } from './consumers/consumer.ts'
export type { ConsumerOptions, ConsumerProblem, ConsumerState, SetAsideEvent } from './consumers/consumer-options.ts'
export {
  type Conversation,
  type ConversationMessage,
  type ConversationsState,
  conversationOf,
  conversations,
} from './consumers/conversation.ts'
export {
  type ConversationListState,
  type ConversationSummary,
  conversationList,
  conversationsByContact,
} from './consumers/conversation-list.ts'
export {
  type Delivery,
  type DeliveryState,
  type DeliveryStatusState,
  deliveryOf,
  deliveryStatus,
} from './consumers/delivery-status.ts'
export type { WakeUp } from './consumers/log-feed.ts'
export { memoryCheckpointStore } from './consumers/memory-checkpoint-store.ts'
export { type Projected, type Projection, type ProjectionProgress, type ProjectOptions, project } from './consumers/projection.ts'
export { CommsError, type CommsErrorCode, type CommsErrorDetails, type FailureClass, isCommsError } from './errors.ts'
export { type AddressParserOptions, addressParser } from './events/address-parser.ts'
export {
  type AddressOptions,
  anyContactAddress,
  type ContactAddress,
  contactAddressSchema,
  parseContactAddress,
  phoneNumbersIn,
} from './events/contact-address.ts'
export { idempotencyKey } from './events/idempotency-key.ts'
export { type Media, type MessageContent, mediaSchema, messageContentSchema } from './events/message-content.ts'
export {
  type EventFact,
  type FallbackStep,
  type LeadMatch,
  leadMatchSchema,
  type MessageEvent,
  type MessageEventOf,
  type MessageEventType,
  messageEventJsonSchema,
  messageEventSchema,
  type NewEvent,
} from './events/message-event.ts'
export {
  createEvent,
  type Position,
  type RecordedEvent,
  type Recording,
  streamIdOf,
  type UnplacedEvent,
  unplacedCopy,
} from './events/recorded-event.ts'
export { readStoredEvent, type StoredEvent, upcastEvent } from './events/upcaster.ts'
export { type AddressMatch, type AddressMatcher, addressMatcher, type Certainty } from './leads/address-match.ts'
export type { AddressMatcherOptions } from './leads/address-variants.ts'
export type { DecisionOptions } from './leads/by-hand.ts'
export type { Lead, LeadChanges, LeadDirectory, LeadWebhook } from './leads/lead-directory.ts'
export type { LeadOptions, LeadState } from './leads/lead-options.ts'
export { contactsOf, type LeadRef, type LeadTiesState, leadOf, leadTies } from './leads/lead-ties.ts'
export { type NumberTwin, numberTwins, type PlanRule, subscriberNumber } from './leads/subscriber-number.ts'
export type { MessageReport } from './outbox/message-report.ts'
export type { OutboxState } from './outbox/outbox.ts'
export type { LaneState } from './outbox/outbox-lane.ts'
export type { OutboxProblem, OutboxSettings } from './outbox/outbox-options.ts'
export type { MessageStatus, SendFallback, SendRequest } from './outbox/send.ts'
export { type Sleep, type TimeLimit, timeLimit, timerSleep } from './pause.ts'
export { type Clock, type IdSource, isoInstant, type Logger, silentLogger, systemClock, uuidSource } from './runtime.ts'
export {
  type AppendDecision,
  type DecidableRequest,
  type Decided,
  type DecidedEvent,
  decideAppends,
  eventToJson,
} from './store/decide-appends.ts'
export { eventCache } from './store/event-cache.ts'
export type { EventCache, EventCacheOptions, EventCacheState } from './store/event-cache-options.ts'
export type { AppendRequest, AppendResult, EventStore, ReadAllOptions, ReadStreamOptions } from './store/event-store.ts'
export { flattenBatches } from './store/flatten-batches.ts'
export { type LogDigest, LogDigester, logDigest } from './store/log-digest.ts'
export { isLogId, newLogId, notOfThisLog, placeIn, positionIn } from './store/log-identity.ts'
export { copyLog, exportLog, importLog, type TransferOptions, type TransferProgress, type TransferReport } from './store/log-transfer.ts'
export { memoryEventStore } from './store/memory-event-store.ts'
export type { DrainReport, Spool } from './store/spool.ts'
export { type KnownPlace, UnreadableEvents } from './store/unreadable-events.ts'
export { connectionError } from './transport/connection-error.ts'
export { type LenientRead, readLeniently } from './transport/lenient-read.ts'
export { quarantineFact, requestFromQuarantine } from './transport/quarantine.ts'
export { type RateLimiter, rateLimiter } from './transport/rate-limit.ts'
export type { RecordOptions, RecordReport, RefusedFact } from './transport/record-facts.ts'
export { staysPrivate } from './transport/stays-private.ts'
export type {
  InboxDelivery,
  InboxReader,
  OpenedMedia,
  OutboundMessage,
  ReconcileOptions,
  SendLimit,
  SendReceipt,
  SendReconciler,
  Transport,
  TransportProbe,
  TransportProblem,
  WebhookEndpoint,
} from './transport/transport.ts'
export type { WebhookReport } from './transport/webhook-handler.ts'
export { bodyText, type RequestOrigin, type WebhookHead, type WebhookRequest } from './transport/webhook-request.ts'
