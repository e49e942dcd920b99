/** `@polypilot` in VS Code's chat: the same conversations, answered by the server. */
import * as vscode from "vscode";

import type { Api } from "../api";
import { hostOf } from "./fromApi";
import { failureOf, isCancelled, type ChatHost, type Failure } from "./host";
import { VENDOR } from "./models";
import type { Delta, EditDelta, Question, Sent } from "./protocol";
import { messageWith, type Reference } from "./references";
import { safeUrl } from "./urls";

const ID = "polypilot.participant";

interface Metadata {
  readonly sessionId: string;
  readonly messageId: string;
}

function referenceOf(reference: vscode.ChatPromptReference): Reference {
  const { value, range } = reference;
  const place = range ? { range } : {};
  const uri = value instanceof vscode.Uri ? value : value instanceof vscode.Location ? value.uri : undefined;
  if (!uri) return typeof value === "string" ? { ...place, text: value } : place;
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  const relative = folder ? vscode.workspace.asRelativePath(uri, false) : undefined;
  const selection = value instanceof vscode.Location ? { selection: { start: plain(value.range.start), end: plain(value.range.end) } } : {};
  return { ...place, uri: uri.toString(), ...selection, ...(relative === undefined ? {} : { relative }) };
}

function plain({ line, character }: vscode.Position): { line: number; character: number } {
  return { line, character };
}

/** The conversation so far, if the last answer here is the last one of it. */
function before(context: vscode.ChatContext, latest: ReadonlyMap<string, string>): Metadata | undefined {
  const turn = context.history.findLast((each) => each instanceof vscode.ChatResponseTurn && each.participant === ID);
  const metadata = turn instanceof vscode.ChatResponseTurn ? (turn.result.metadata as Partial<Metadata> | undefined) : undefined;
  const { sessionId, messageId } = metadata ?? {};
  if (sessionId === undefined || messageId === undefined) return undefined;
  // A question that was taken back here is still in the server's conversation: a new one begins.
  return (latest.get(sessionId) ?? messageId) === messageId ? { sessionId, messageId } : undefined;
}

/** The provider and model that the user chose in the picker, if they are ours. */
function chosen(model: vscode.LanguageModelChat | undefined): { provider: string; model: string } | undefined {
  if (model?.vendor !== VENDOR) return undefined;
  const at = model.id.indexOf("/");
  return at < 1 ? undefined : { provider: model.id.slice(0, at), model: model.id.slice(at + 1) };
}

function scene(): Pick<Question, "scene"> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return {};
  const uri = editor.document.uri.toString();
  const { start, end, isEmpty } = editor.selection;
  return { scene: { buffer: uri, ...(isEmpty ? {} : { selection: { uri, range: { start: plain(start), end: plain(end) } } }) } };
}

class Writer {
  private thinking = false;

  constructor(private readonly stream: vscode.ChatResponseStream) {}

  take(delta: Delta): void {
    const { stream } = this;
    if (delta.kind !== "thought") this.thinking = false;
    switch (delta.kind) {
      case "text":
        stream.markdown(delta.text);
        break;
      case "refusal":
        this.quoted(delta.text);
        break;
      case "notice":
        this.quoted(delta.message);
        break;
      case "citation":
        this.source(delta.url);
        break;
      case "edit":
        this.edit(delta);
        break;
      default:
        this.progress(delta);
    }
  }

  private thought(): void {
    if (!this.thinking) this.stream.progress("Thinking");
    this.thinking = true;
  }

  private progress(delta: Delta): void {
    if (delta.kind === "thought") this.thought();
    else if (delta.kind === "toolCall") this.stream.progress(delta.title ?? delta.name);
    else if (delta.kind === "context") {
      for (const item of delta.items) if (item.refused) this.stream.progress(`${item.name ?? item.uri} was not sent: ${item.refused}`);
    }
  }

  private source(link: string): void {
    const url = safeUrl(link);
    if (url !== undefined) this.stream.reference(vscode.Uri.parse(url, true));
  }

  private edit({ id, uri }: EditDelta): void {
    if (id === undefined) return;
    const name = vscode.Uri.parse(uri).path.split("/").at(-1) ?? uri;
    this.stream.button({ command: "polypilot.chat.reviewEdit", title: `Review the edit of ${name}`, arguments: [id] });
  }

  /** Plain text of a model's or the server's, shown as such. */
  private quoted(text: string): void {
    this.stream.markdown(new vscode.MarkdownString("\n\n> ").appendText(text).appendMarkdown("\n\n"));
  }
}

function told({ message, cure }: Failure): string {
  return cure === undefined ? message : `${message} ${cure}`;
}

class Participant {
  private readonly latest = new Map<string, string>();

  constructor(private readonly host: ChatHost) {}

  readonly handle: vscode.ChatRequestHandler = async (request, context, stream, token): Promise<vscode.ChatResult> => {
    const session = before(context, this.latest);
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.toString();
    const model = chosen((request as Partial<vscode.ChatRequest>).model);
    const question: Question = {
      ...messageWith(request.prompt, request.command, request.references.map(referenceOf)),
      ...scene(),
      ...model,
      ...(session ? { sessionId: session.sessionId } : folder === undefined ? {} : { root: folder }),
    };
    const writer = new Writer(stream);
    try {
      const sent = await this.host.request<Sent>("polypilot/chat/send", question, { token, onPartial: (value) => { writer.take(value as Delta); } });
      this.latest.set(sent.sessionId, sent.messageId);
      const metadata: Metadata = { sessionId: sent.sessionId, messageId: sent.messageId };
      return { metadata, ...(sent.error ? { errorDetails: { message: told(sent.error) } } : {}) };
    } catch (error) {
      return isCancelled(error) ? {} : { errorDetails: { message: told(failureOf(error)) } };
    }
  };
}

export function registerParticipant(context: vscode.ExtensionContext, api: Api): void {
  // Forks that took the chat out lack it.
  const chat = vscode.chat as Partial<typeof vscode.chat> | undefined;
  if (typeof chat?.createChatParticipant !== "function") return;
  try {
    const participant = chat.createChatParticipant(ID, new Participant(hostOf(api)).handle);
    participant.iconPath = vscode.Uri.joinPath(context.extensionUri, "icons", "polypilot.svg");
    context.subscriptions.push(participant);
  } catch (error) {
    api.log.info(`VS Code's chat takes no participant: ${error instanceof Error ? error.name : "unknown"}`);
  }
}
