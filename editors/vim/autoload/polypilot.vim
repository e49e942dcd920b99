vim9script
# What scripts and mappings of your own may call; see |polypilot-functions|.

import autoload 'polypilot/chat.vim'
import autoload 'polypilot/ghost.vim'
import autoload 'polypilot/keys.vim'
import autoload 'polypilot/prompt.vim'
import autoload 'polypilot/status.vim'
import autoload 'polypilot/windows.vim'

# A short text for a status line; empty while no server runs.
export def Statusline(): string
  return status.Line()
enddef

# Provider, model, state and last error, as in docs/protocol.md.
export def Status(): dict<any>
  return status.Get()
enddef

# Whether a suggestion is on screen.
export def Visible(): bool
  return ghost.Visible()
enddef

# The suggestion's text that is on screen, or ''.
export def Suggestion(): string
  return ghost.Suggestion()
enddef

# For <expr> mappings: the keys that accept the suggestion, or ''.
export def Keys(name: string): string
  return keys.Keys(name)
enddef

export def OrBefore(name: string, key: string): string
  return keys.OrBefore(name, key)
enddef

export def Insert(part: string)
  ghost.Insert(part)
enddef

export def Cycle(step: number)
  ghost.Cycle(step)
enddef

export def Dismiss()
  ghost.Dismiss()
enddef

export def Trigger()
  ghost.Trigger()
enddef

# Opens the chat and sends a message.
export def Ask(text: string)
  windows.Open()
  chat.Send(text)
enddef

# 'omnifunc' of the prompt.
export def Complete(findstart: number, base: string): any
  return prompt.Complete(findstart, base)
enddef
