/** Between VS Code's language model messages and those of `polypilot/lm/respond`. Knows parts by their shape. */
import type { LmDelta, LmMessage, LmModel, LmPart, LmTool } from "./lmProtocol";

/** As `LanguageModelChatMessageRole`; a system role is one of the later versions. */
const ROLES: Readonly<Record<number, LmMessage["role"]>> = { 1: "user", 2: "assistant", 3: "system" };
const MOST_CALLS = 1000;

export interface EditorMessage {
  readonly role: number;
  readonly content: readonly unknown[];
}

/** What a supplier wants back with a call that it made, and VS Code does not keep. */
interface Proven {
  readonly thoughts: readonly LmPart[];
  readonly signature?: string;
  readonly provider?: string;
}

/** Keeps, for the latest calls, what has to be sent back with them. */
export class Proofs {
  private readonly calls = new Map<string, Proven>();

  get(callId: string): Proven | undefined {
    return this.calls.get(callId);
  }

  set(callId: string, proven: Proven): void {
    this.calls.delete(callId);
    this.calls.set(callId, proven);
    for (const oldest of this.calls.keys()) {
      if (this.calls.size <= MOST_CALLS) break;
      this.calls.delete(oldest);
    }
  }

  /** Follows the stream of one answer. */
  follow(): (delta: LmDelta) => void {
    const thoughts: LmPart[] = [];
    let text = "";
    return (delta) => {
      if (delta.kind === "thought") {
        text += delta.text;
      } else if (delta.kind === "proof") {
        const { signature, redacted, provider } = delta;
        thoughts.push(known({ type: "thought", text, signature, redacted, provider }));
        text = "";
      } else if (delta.kind === "toolCall") {
        const { signature, provider } = delta;
        if (thoughts.length > 0 || signature !== undefined) {
          this.set(delta.id, { thoughts: [...thoughts], ...(signature === undefined ? {} : { signature, provider }) });
        }
      }
    };
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function dataPart(part: unknown): LmPart | undefined {
  const mediaType = field(part, "mimeType");
  const data = field(part, "data");
  if (typeof mediaType !== "string" || !(data instanceof Uint8Array)) return undefined;
  if (mediaType.startsWith("image/")) return { type: "image", mediaType, data: Buffer.from(data).toString("base64") };
  // Other data is VS Code's own (marks for caches and the like), but for text.
  return /^text\/|^application\/json$/u.test(mediaType) ? { type: "text", text: Buffer.from(data).toString("utf8") } : undefined;
}

function resultParts(part: unknown, callId: string, content: readonly unknown[]): LmPart[] {
  const images: LmPart[] = [];
  const texts: string[] = [];
  for (const piece of content) {
    const data = dataPart(piece);
    const value = field(piece, "value");
    if (data?.type === "image") images.push(data);
    else if (data?.text !== undefined) texts.push(data.text);
    else if (typeof value === "string") texts.push(value);
    else if (typeof piece === "string") texts.push(piece);
    else if (value !== undefined) texts.push(JSON.stringify(value));
  }
  const failed = field(part, "isError") === true;
  return [{ type: "toolResult", id: callId, text: texts.join("\n"), ...(failed ? { isError: true } : {}) }, ...images];
}

function callParts(part: unknown, callId: string, proofs: Proofs): LmPart[] {
  const name = field(part, "name");
  const content = field(part, "content");
  if (typeof name === "string") {
    const { signature, provider } = proofs.get(callId) ?? {};
    const input = JSON.stringify(field(part, "input") ?? {});
    return [known({ type: "toolCall", id: callId, name, arguments: input, signature, provider })];
  }
  return Array.isArray(content) ? resultParts(part, callId, content) : [];
}

function partsOf(part: unknown, proofs: Proofs): LmPart[] {
  const callId = field(part, "callId");
  if (typeof callId === "string") return callParts(part, callId, proofs);
  const data = dataPart(part);
  if (data) return [data];
  const text = typeof part === "string" ? part : field(part, "value");
  return typeof text === "string" && text !== "" ? [{ type: "text", text }] : [];
}

/** The part without the fields that are not known. */
function known(part: LmPart): LmPart {
  const fields: [string, unknown][] = Object.entries(part);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as unknown as LmPart;
}

function thoughtsBefore(message: EditorMessage, proofs: Proofs): readonly LmPart[] {
  for (const part of message.content) {
    const callId = field(part, "callId");
    const proven = typeof callId === "string" && field(part, "name") !== undefined ? proofs.get(callId) : undefined;
    if (proven) return proven.thoughts;
  }
  return [];
}

/** One message; undefined if nothing is in it. */
export function messageOf(message: EditorMessage, proofs: Proofs): LmMessage | undefined {
  const role = ROLES[message.role] ?? "user";
  const own = message.content.flatMap((part) => partsOf(part, proofs));
  const parts = role === "assistant" ? [...thoughtsBefore(message, proofs), ...own] : own;
  return parts.length === 0 ? undefined : { role, parts };
}

export function messagesOf(messages: readonly EditorMessage[], proofs: Proofs): LmMessage[] {
  return messages.map((message) => messageOf(message, proofs)).filter((message) => message !== undefined);
}

export function toolsOf(tools: readonly { name: string; description: string; inputSchema?: object | undefined }[] | undefined): LmTool[] {
  return (tools ?? []).map(({ name, description, inputSchema }) => ({ name, description, ...(inputSchema ? { inputSchema } : {}) }));
}

/** What a model is called with: VS Code hands options over as their suppliers name them. */
export function optionsOf(options: Readonly<Record<string, unknown>> | undefined): object {
  const number = (...names: string[]): number | undefined =>
    names.map((name) => options?.[name]).find((value): value is number => typeof value === "number" && Number.isFinite(value));
  const temperature = number("temperature");
  const maxTokens = number("max_tokens", "maxTokens", "max_output_tokens", "maxOutputTokens");
  const stop = options?.stop;
  const stops = typeof stop === "string" ? [stop] : Array.isArray(stop) ? stop.filter((each) => typeof each === "string") : [];
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined || maxTokens < 1 ? {} : { maxTokens: Math.floor(maxTokens) }),
    ...(stops.length === 0 ? {} : { stop: stops }),
  };
}

const WINDOW = 32_768;
const OUTPUT = 4096;

export interface ModelInfo {
  readonly id: string;
  readonly name: string;
  readonly family: string;
  readonly version: string;
  readonly detail: string;
  readonly tooltip: string;
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
  readonly capabilities: { readonly imageInput: boolean; readonly toolCalling: boolean };
  readonly isUserSelectable: boolean;
  readonly isDefault: boolean;
  readonly provider: string;
  readonly model: string;
}

/** A model as the picker shows it. What is not known of its window is taken to be modest. */
export function infoOf(model: LmModel): ModelInfo {
  const window = model.contextTokens ?? WINDOW;
  const output = Math.min(model.outputTokens ?? OUTPUT, Math.floor(window / 2));
  const where = model.local ? "on this machine" : `at ${model.providerName}`;
  return {
    id: `${model.provider}/${model.id}`,
    name: model.name,
    family: model.id,
    version: "1",
    detail: model.providerName,
    tooltip: `${model.name}, ${where}, by Polypilot`,
    maxInputTokens: window - output,
    maxOutputTokens: output,
    capabilities: { imageInput: model.images === true, toolCalling: model.tools !== false },
    isUserSelectable: true,
    isDefault: model.selected,
    provider: model.provider,
    model: model.id,
  };
}

/** A call's arguments as VS Code wants them: an object. */
export function inputOf(text: string): object {
  try {
    const read: unknown = JSON.parse(text === "" ? "{}" : text);
    return typeof read === "object" && read !== null ? read : {};
  } catch {
    return {};
  }
}
