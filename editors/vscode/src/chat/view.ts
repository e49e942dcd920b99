/** The chat view in the side bar: the page is made each time it is shown, the conversation lives on here. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

import type { Controller } from "./controller";
import { html } from "./html";
import type { FromPage } from "./messages";

export const VIEW = "polypilot.chat";

export class ChatView implements vscode.WebviewViewProvider {
  private view: vscode.WebviewView | undefined;
  private ready: { readonly promise: Promise<void>; readonly resolve: () => void } = later();

  constructor(
    private readonly extension: vscode.Uri,
    private readonly controller: Controller,
  ) {}

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    const dist = vscode.Uri.joinPath(this.extension, "dist");
    const media = vscode.Uri.joinPath(this.extension, "media");
    const { webview } = view;
    webview.options = { enableScripts: true, localResourceRoots: [dist, media], enableForms: false };
    webview.onDidReceiveMessage((message: FromPage) => { void this.take(message); });
    this.controller.attach((message) => { void webview.postMessage(message); });
    view.onDidDispose(() => {
      if (this.view !== view) return;
      this.view = undefined;
      this.ready = later();
      this.controller.attach(undefined);
    });
    view.onDidChangeVisibility(() => {
      // The page of a hidden view is gone; it says when there is one again.
      if (!view.visible) this.ready = later();
    });
    webview.html = html({
      source: webview.cspSource,
      script: webview.asWebviewUri(vscode.Uri.joinPath(dist, "chat.js")).toString(),
      style: webview.asWebviewUri(vscode.Uri.joinPath(media, "chat", "chat.css")).toString(),
      nonce: randomBytes(24).toString("base64url"),
    });
  }

  /** Shows the view with the keyboard in it; resolves when its page can be spoken to. */
  async focus(): Promise<void> {
    await vscode.commands.executeCommand(`${VIEW}.focus`);
    await this.ready.promise;
  }

  /** Shows the view and leaves the keyboard where it is. */
  reveal(): void {
    if (this.view) this.view.show(true);
    else void vscode.commands.executeCommand(`${VIEW}.focus`);
  }

  private async take(message: FromPage): Promise<void> {
    await this.controller.take(message);
    if (message.type === "ready") this.ready.resolve();
  }
}

function later(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => { resolve = done; });
  return { promise, resolve };
}
