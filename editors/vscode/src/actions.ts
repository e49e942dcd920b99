/** The server's code actions as commands: it offers them for a place, and does the work. */
import * as vscode from "vscode";

import type { Api } from "./api";

interface Offer {
  readonly title: string;
  readonly command?: { readonly command: string; readonly arguments?: readonly Order[] };
}

interface Order {
  readonly does: string;
  readonly problems?: readonly unknown[];
}

const KINDS: Readonly<Record<string, string>> = {
  explain: "source.polypilot.explain",
  review: "source.polypilot.review",
  tests: "source.polypilot.tests",
  fix: "quickfix",
  document: "refactor.rewrite",
  rewrite: "refactor.rewrite",
  optimise: "refactor.rewrite",
};
const INVOKED = 1;

export function registerActions(api: Api): vscode.Disposable {
  return vscode.Disposable.from(
    ...Object.keys(KINDS).map((does) =>
      vscode.commands.registerCommand(`polypilot.${does}`, () => act(api, does)),
    ),
  );
}

async function act(api: Api, does: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    void vscode.window.showInformationMessage("Polypilot: open a file and put the cursor in the code.");
    return;
  }
  try {
    const offer = await offered(api, editor, does);
    if (offer?.command === undefined) {
      void vscode.window.showInformationMessage(
        `Polypilot: there is nothing here to ${does}, or the file may not be sent.`,
      );
      return;
    }
    const { command, arguments: orders = [] } = offer.command;
    const asks = does === "rewrite" && !hasInstruction(offer);
    const instruction = asks ? await words() : "";
    if (instruction !== undefined) {
      const given = orders.map((each) => (instruction === "" ? each : { ...each, instruction }));
      await api.request("workspace/executeCommand", { command, arguments: given });
    }
  } catch (error) {
    api.report(error);
  }
}

/** A comment in the code says what to do: the action is called after it. */
function hasInstruction(offer: Offer): boolean {
  return offer.title.includes("rewrite: ");
}

/** What the user wants done; empty: the server offers the usual; undefined: nothing after all. */
async function words(): Promise<string | undefined> {
  const typed = await vscode.window.showInputBox({
    title: "Polypilot: rewrite how?",
    prompt: "For instance: handle an empty list. Leave it empty to choose from what is usual.",
  });
  return typed?.trim();
}

async function offered(api: Api, editor: vscode.TextEditor, does: string): Promise<Offer | undefined> {
  const { document, selection } = editor;
  const params = {
    textDocument: { uri: document.uri.toString() },
    range: plainRange(selection),
    context: { diagnostics: problems(editor), only: [KINDS[does]], triggerKind: INVOKED },
  };
  const found = (await api.request<Offer[] | null>("textDocument/codeAction", params)) ?? [];
  const fitting = found.filter((each) => each.command?.arguments?.[0]?.does === does);
  // "Fix all" is the one about the most problems.
  const about = (each: Offer): number => each.command?.arguments?.[0]?.problems?.length ?? 0;
  return fitting.sort((one, other) => about(other) - about(one))[0];
}

function problems(editor: vscode.TextEditor): object[] {
  return vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((each) => each.range.intersection(editor.selection) !== undefined || onLine(each, editor))
    .map(plainDiagnostic);
}

function onLine(diagnostic: vscode.Diagnostic, editor: vscode.TextEditor): boolean {
  const { start, end } = editor.selection;
  return diagnostic.range.start.line <= end.line && diagnostic.range.end.line >= start.line;
}

/** As the protocol has it. */
export function plainDiagnostic(each: vscode.Diagnostic): object {
  const code = typeof each.code === "object" ? each.code.value : each.code;
  return {
    range: plainRange(each.range),
    message: each.message,
    severity: each.severity + 1,
    ...(each.source !== undefined && { source: each.source }),
    ...(code !== undefined && { code }),
  };
}

function plainRange({ start, end }: vscode.Range): object {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}
