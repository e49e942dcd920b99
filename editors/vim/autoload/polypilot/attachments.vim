vim9script
# What goes to the server with a message of the chat.

import autoload './chat.vim'
import autoload './document.vim'
import autoload './transcript.vim'
import autoload './util.vim'
import autoload './windows.vim'

# Lines of the current buffer; the part of them that was selected by characters, if it was.
def Selection(first: number, last: number): dict<any>
  var from = 0
  var to = strlen(getline(last))
  if visualmode() ==# 'v' && line("'<") == first && line("'>") == last
    from = col("'<") - 1
    var stop = min([col("'>"), to])
    # The mark is on the last character's first byte.
    to = &selection ==# 'exclusive' ? max([stop - 1, 0])
      : stop - 1 + strlen(matchstr(getline(last), '.', max([stop - 1, 0])))
  endif
  var lines = first == last ? $'line {first}' : $'lines {first}-{last}'
  return {
    bufnr: bufnr(),
    label: $'{util.NameOf(bufnr())}, {lines}',
    range: {start: {line: first - 1, character: from}, end: {line: last - 1, character: to}},
  }
enddef

def Attach(attachment: dict<any>)
  add(chat.state.attachments, attachment)
  windows.Titles()
enddef

# Lines of the current buffer, or what was selected of them.
export def AttachLines(first: number, last: number)
  Attach(Selection(first, last))
enddef

# `:PolypilotAttach`, with a range or without.
export def Command(range: number, first: number, last: number)
  var attachment = range > 0 ? Selection(first, last)
    : {bufnr: bufnr(), label: util.NameOf(bufnr())}
  Attach(attachment)
  util.Notify($'goes with the next message: {attachment.label}')
enddef

export def Attached(): list<dict<any>>
  return copy(chat.state.attachments)->filter((_, each) => bufexists(each.bufnr))->mapnew((_, each) => {
    var uri = document.UriOf(each.bufnr)
    return has_key(each, 'range') ? {kind: 'selection', uri: uri, range: each.range}
      : {kind: 'document', uri: uri}
  })
enddef

# What the user looks at besides the chat.
export def Scene(): dict<any>
  var ours = [transcript.Buffer('transcript'), transcript.Buffer('prompt')]
  for number in [winnr(), winnr('#')] + range(1, winnr('$'))
    var bufnr = winbufnr(number)
    if number > 0 && index(ours, bufnr) < 0 && getbufvar(bufnr, '&buftype') == '' && bufname(bufnr) != ''
      var scene: dict<any> = {buffer: document.UriOf(bufnr)}
      for each in Attached()
        if each.kind ==# 'selection'
          scene.selection = {uri: each.uri, range: each.range}
        endif
      endfor
      return scene
    endif
  endfor
  return {}
enddef
