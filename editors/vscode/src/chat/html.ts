/** The frame of the view's page: it may load its own script and style, and nothing else. */

export interface Frame {
  /** What the editor serves the extension's files from, for the policy. */
  readonly source: string;
  readonly script: string;
  readonly style: string;
  readonly nonce: string;
}

export function html({ source, script, style, nonce }: Frame): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Polypilot Chat</title>
<link rel="stylesheet" href="${style}">
</head>
<body>
<div id="app"></div>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}
