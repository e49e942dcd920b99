vim9script
# The chat's prompt: sent, filled, completed.

import autoload './chat.vim'
import autoload './client.vim'
import autoload './transcript.vim'
import autoload './util.vim'

export def Send()
  # What was typed stays in the prompt while it can't be sent.
  if chat.Busy()
    return
  endif
  var bufnr = transcript.Buffer('prompt')
  var text = trim(join(getbufline(bufnr, 1, '$'), "\n"))
  if text != ''
    silent deletebufline(bufnr, 1, '$')
    chat.Send(text)
  endif
enddef

# Puts text into the prompt.
export def Put(text: string)
  var bufnr = transcript.Buffer('prompt')
  silent deletebufline(bufnr, 1, '$')
  setbufline(bufnr, 1, split(text, "\n", true))
enddef

# 'omnifunc': `#mentions` and `/commands`, as the server knows them.
export def Complete(findstart: number, base: string): any
  if findstart == 1
    var before = strpart(getline('.'), 0, col('.') - 1)
    var start = match(before, '#\S*$')
    if start < 0 && line('.') == 1
      start = match(before, '^/\S*$')
    endif
    return start < 0 ? -3 : start
  endif
  if base[0] ==# '/'
    var rows: any = client.Now('polypilot/chat/commands', {})
    return (rows ?? [])->mapnew((_, row) => ({word: '/' .. row.name, menu: util.Clean(row.description)}))
      ->filter((_, row) => strpart(row.word, 0, strlen(base)) ==# base)
  endif
  var found: any = client.Now('polypilot/chat/mentions', {typed: base})
  return (found ?? [])->mapnew((_, row) => ({word: row.insert, abbr: row.label,
    menu: util.Clean(util.Field(row, 'detail'))}))
enddef
