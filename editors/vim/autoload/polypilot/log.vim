vim9script
# What the server has said.

import autoload './util.vim'

const LOG = 'polypilot://log'
const LOG_LINES = 5000

var said: list<string> = []

export def Add(text: string)
  var lines = split(util.Clean(text), "\n")
  extend(said, lines)
  if len(said) > LOG_LINES
    remove(said, 0, len(said) - LOG_LINES - 1)
  endif
  if bufexists(LOG) && bufloaded(LOG)
    setbufvar(LOG, '&modifiable', 1)
    appendbufline(LOG, '$', lines)
    setbufvar(LOG, '&modifiable', 0)
  endif
enddef

export def Open()
  util.Show(LOG, empty(said) ? ['(nothing so far)'] : said)
  normal! G
enddef
