vim9script
# What became of suggestions, told to the server.

import autoload './client.vim'
import autoload './suggestion.vim'
import autoload './text.vim'
import autoload './util.vim'

const KEPT = 64
var seen: list<string> = []   # suggestions that were told of as shown

export def Shown(offer: dict<any>)
  var id = suggestion.Identity(offer)
  if id != '' && index(seen, id) < 0
    seen = add(seen, id)[-KEPT :]
    client.Notify('textDocument/didShowCompletion', {item: offer.item})
  endif
enddef

def Run(command: dict<any>)
  if !empty(command) && client.Running()
    # Its outcome is the server's own business; nothing to show.
    client.Send('workspace/executeCommand',
      {command: command.command, arguments: util.Field(command, 'arguments', [])}, (_, _) => 0)
  endif
enddef

export def Accepted(offer: dict<any>)
  Run(util.Field(offer.item, 'command', {}))
enddef

# Of the text that it had when it came, the first `bytes` are in the buffer now.
export def PartlyAccepted(offer: dict<any>, bytes: number)
  if suggestion.Identity(offer) != ''
    client.Notify('textDocument/didPartiallyAcceptCompletion', {
      item: offer.item,
      acceptedLength: text.AcceptedLength(offer.item.insertText, bytes),
    })
  endif
enddef

export def Dismissed(offer: dict<any>)
  if suggestion.Identity(offer) != ''
    Run({command: 'polypilot.dismissed', arguments: [suggestion.Identity(offer)]})
  endif
enddef
