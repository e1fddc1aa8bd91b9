import type { Answer } from './answer.ts'
import { validationFailed } from './answer.ts'
import type { Instance } from './instance.ts'
import { type Call, send } from './sending.ts'

const MAX_BYTES = 100 * 1_048_576

/** `sendFileByUpload`: a form with the file in it, which is kept and served at `urlFile`. https://green-api.com/en/docs/api/sending/SendFileByUpload/ */
export async function sendFileByUpload(instance: Instance, call: Call, request: Request): Promise<Answer> {
  let form: FormData
  try {
    form = await request.formData()
  } catch {
    return validationFailed(call.path, "'file' is required")
  }
  const { file, ...fields } = Object.fromEntries(form)
  if (!(file instanceof File)) return validationFailed(call.path, "'file' is required")
  if (file.size > MAX_BYTES) return { status: 413, body: 'File is too large' }
  const fileName = typeof fields.fileName === 'string' ? fields.fileName : file.name
  const urlFile = await keepFile(instance, fileName, file, request.url)
  return send(instance, 'sendFileByUpload', { ...call, body: { ...fields, fileName } }, urlFile)
}

/** `uploadFile`: the bytes alone. */
export async function uploadFile(instance: Instance, request: Request): Promise<Answer> {
  const fileName = request.headers.get('ga-filename') ?? 'file'
  return { status: 200, body: { urlFile: await keepFile(instance, fileName, await request.blob(), request.url) } }
}

/** Keeps a file and gives its URL on the simulator. */
export async function keepFile(instance: Instance, fileName: string, file: Blob, base: string): Promise<string> {
  const path = `/media/${instance.options.newId()}/${encodeURIComponent(fileName)}`
  instance.files.set(path, new Uint8Array(await file.arrayBuffer()))
  return new URL(path, base).href
}
