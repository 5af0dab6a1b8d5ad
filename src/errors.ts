/**
 * Every error that lextier shows to a user: a stable code, an HTTP status, and a sentence that names the fault and a way
 * out. The HTTP layer turns them into RFC 9457 problem responses, the command line prints `CODE: sentence` and exits 1.
 */
import createError from '@fastify/error'

// ---- requests ------------------------------------------------------------------------------------------------------

/** 400: the request breaks the contract. Args: what is wrong and what would be right. */
export const InvalidRequest = createError<[string]>('INVALID_REQUEST', '%s', 400)
/** 401. Args: what to send. */
export const Unauthorized = createError<[string]>('UNAUTHORIZED', '%s', 401)
/** 429: a key (or address) sent more than it may. Args: requests a minute, seconds to wait. */
export const RateLimited = createError<[number, number]>(
  'RATE_LIMITED',
  'more than %d requests in a minute; try again in %d s',
  429,
)
/** 404. Args: the family asked for, the families there are. */
export const FamilyNotFound = createError<[string, string]>(
  'FAMILY_NOT_FOUND',
  'there is no family "%s"; this server has: %s',
  404,
)
/** 404. Args: the tier asked for, the family, the tiers that it has. */
export const TierNotFound = createError<[string, string, string]>(
  'TIER_NOT_FOUND',
  'there is no tier "%s" in family "%s"; it has: %s',
  404,
)
/** 404. Args: method, path, where to look. */
export const NotFound = createError<[string, string, string]>('NOT_FOUND', 'nothing answers %s %s; %s', 404)
/** 405. Args: method, path, the methods that the path has. */
export const MethodNotAllowed = createError<[string, string, string]>(
  'METHOD_NOT_ALLOWED',
  '%s is not a method of %s; use %s',
  405,
)
/** 413. Args: what is too large, and the limit. */
export const PayloadTooLarge = createError<[string]>('PAYLOAD_TOO_LARGE', '%s', 413)
/** 415. Args: the media type sent. */
export const UnsupportedMediaType = createError<[string]>(
  'UNSUPPORTED_MEDIA_TYPE',
  'content type "%s" is not accepted here; send application/json',
  415,
)
/** 422: no tier is predicted to meet the budget and the caller asked for a refusal. Args: budget ms, fastest predicted ms. */
export const BudgetInfeasible = createError<[number, number]>(
  'BUDGET_INFEASIBLE',
  'no tier is predicted to answer within %d ms; the fastest would take about %d ms. Raise latency_budget_ms, or send on_budget_miss "fastest"',
  422,
)
/** 503: a tier's queue is full. Args: tier, requests waiting. */
export const Overloaded = createError<[string, number]>(
  'OVERLOADED',
  'tier "%s" has %d requests waiting, which is all it accepts; try again after the time in Retry-After',
  503,
  Error,
  // of thousands a second, a stack each would cost more than the rest of the refusal
  false,
)
/** 503: large bodies are being read and worked on, as many as there is memory for. Args: MiB. */
export const BodiesUnderWay = createError<[number]>(
  'OVERLOADED',
  'large bodies of %d MiB are under way, which is all at once; send smaller ones, or try again after the time in Retry-After',
  503,
  Error,
  false,
)
/** 504: the deadline passed while the work was queued; it was dropped, not run. Args: budget ms. */
export const DeadlineExceeded = createError<[number]>(
  'DEADLINE_EXCEEDED',
  'the budget of %d ms ran out before the work could start; it was not run. Raise latency_budget_ms or choose a faster tier',
  504,
)
/** Between processes only: the texts were read for a version of the family that serves no longer; they are read again. */
export const TokenizerChanged = createError<[]>('TOKENIZER_CHANGED', 'the tokenizer of the family has changed', 503)
/** 503. Args: why. */
export const NotReady = createError<[string]>('NOT_READY', 'not ready: %s', 503)
/** 503: the server is shutting down. */
export const Draining = createError<[]>(
  'DRAINING',
  'this server is shutting down; send the request to another one',
  503,
)
/** 500. Args: what failed, free of the caller's text. */
export const Internal = createError<[string]>('INTERNAL', '%s', 500)
/** The caller went away before the work ran; never sent to anyone. */
export const RequestAborted = createError<[]>('REQUEST_ABORTED', 'the caller closed the connection', 499)

// ---- start-up and configuration ------------------------------------------------------------------------------------

/** Args: the setting, what is wrong with it, what is accepted. */
export const InvalidConfiguration = createError<[string, string]>('INVALID_CONFIGURATION', '%s: %s', 400)
/** Args: provider, why, way out. */
export const ProviderUnavailable = createError<[string, string]>(
  'PROVIDER_UNAVAILABLE',
  'execution provider "%s" cannot be used here: %s',
  500,
)
/** A model, or a batch, does not fit. Args: provider. */
export const GpuMemoryExhausted = createError<[string]>(
  'GPU_MEMORY_EXHAUSTED',
  'the memory of the GPU (provider "%s") is exhausted; serve fewer families or tiers, fewer engines, or a smaller --max-batch-tokens',
  500,
)
/** An engine process died while work was in it, twice. Args: exit code or signal. */
export const EngineFailed = createError<[string]>('ENGINE_FAILED', 'the inference engine stopped (%s)', 500)

// ---- families on disk ----------------------------------------------------------------------------------------------

/** Args: folder, what is wrong. */
export const FamilyInvalid = createError<[string, string]>('FAMILY_INVALID', 'family folder %s: %s', 500)
/** Args: file, expected hash or size, found. */
export const FamilyFileAltered = createError<[string, string, string]>(
  'FAMILY_FILE_ALTERED',
  '%s is not the file that family.json describes (expected %s, found %s); restore it or export the family again',
  500,
)
/** Args: the tokenizer.json, what is wrong. */
export const TokenizerInvalid = createError<[string, string]>('TOKENIZER_INVALID', 'tokenizer %s: %s', 500)
/** Args: what, tolerance and deviation. */
export const ParityFailed = createError<[string]>('PARITY_FAILED', '%s', 500)

// ---- training ------------------------------------------------------------------------------------------------------

/** Args: the file, what is wrong and where (row, column). */
export const DataInvalid = createError<[string, string]>('DATA_INVALID', '%s: %s', 400)
/** Args: the column, the columns there are. */
export const ColumnNotFound = createError<[string, string]>(
  'COLUMN_NOT_FOUND',
  'there is no column "%s"; the file has: %s',
  400,
)
/** Args: the folder or repository, what is wrong. */
export const CheckpointInvalid = createError<[string, string]>('CHECKPOINT_INVALID', 'checkpoint %s: %s', 400)
/** Args: what does not fit. */
export const ShapeMismatch = createError<[string]>('SHAPE_MISMATCH', '%s', 400)
/** Args: the backend or package, how to install it. */
export const EngineUnavailable = createError<[string, string]>(
  'ENGINE_UNAVAILABLE',
  'training engine "%s" is not available: %s',
  400,
)
/** The serving image leaves the training packages out. Args: the package that is missing. */
export const TrainingNotInstalled = createError<[string]>(
  'TRAINING_NOT_INSTALLED',
  'this installation leaves out "%s", which only training and evaluation need; install with npm ci, without --omit=optional',
  400,
)
/** A kernel that the tracing backend does not know. Args: the kernel. */
export const KernelUnsupported = createError<[string]>(
  'KERNEL_UNSUPPORTED',
  'the tracing backend has no ONNX form of the tfjs kernel "%s"',
  500,
)
/** Loss stopped being a number. Args: step, the checkpoint kept. */
export const LossNotFinite = createError<[number, string]>(
  'LOSS_NOT_FINITE',
  'the loss is not a finite number at step %d; %s. Lower the learning rate, or look for broken examples',
  500,
)

/** The disk, or a quota on it, has no room for a file. Args: the file. */
export const DiskFull = createError<[string]>(
  'DISK_FULL',
  '%s cannot be written: no space is left. Free some and run the command again, with --resume where it has that; what was ' +
    'finished is kept',
  507,
)

/** @returns whether the operating system refused a write for want of space */
export function isOutOfSpace(error: unknown): error is NodeJS.ErrnoException {
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** The parts of an error that users see. */
export interface LextierError extends Error {
  readonly code: string
  readonly statusCode?: number
}

/** @returns whether the value is an error with a stable code, safe to show to a user */
export function isLextierError(value: unknown): value is LextierError {
  return value instanceof Error && typeof (value as { code?: unknown }).code === 'string' && 'statusCode' in value
}
