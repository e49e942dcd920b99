/** What the chat asks of the editor. The real one is in `editorDesk.ts`; tests have one of their own. */
import type { Chip, CodeBlock, Front } from "./messages";
import type { Edit, Place, Scene } from "./protocol";

export interface Desk {
  scene(): Scene;
  /** What is in front, named for chips. */
  front(): Front;
  /** The workspace folder of the document in front, else the first. */
  root(): string | undefined;
  copy(text: string): Promise<void>;
  insert(block: CodeBlock): Promise<void>;
  newFile(block: CodeBlock): Promise<void>;
  openLink(url: string): Promise<void>;
  openPlace(place: Place): Promise<void>;
  pickFiles(): Promise<readonly Chip[]>;
  saveMarkdown(markdown: string, title: string): Promise<void>;
  /** A modal question; whether the user said yes. */
  confirm(question: string, yes: string): Promise<boolean>;
  run(command: "chooseProvider" | "setKey" | "showLog" | "doctor"): Promise<void>;
  showDiff(edit: Edit): Promise<void>;
  /** An edit is decided, or some of it. */
  edited(edit: Edit): void;
  /** Brings the view to the user, who is needed. */
  callUser(title: string): void;
  running(running: boolean): void;
}
