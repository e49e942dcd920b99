vim9script
# Which buffers the server has, and when.

import autoload './client.vim'
import autoload './document.vim'
import autoload './util.vim'
import autoload './workspace.vim'

var flush_timer = 0

def Eligible(bufnr: number, typing: bool): bool
  if !bufexists(bufnr) || getbufvar(bufnr, '&buftype') != '' || !getbufvar(bufnr, '&modifiable')
    return false
  endif
  var filetypes = util.Option('filetypes')
  var filetype = getbufvar(bufnr, '&filetype')
  var named = bufname(bufnr) != '' || filetype != '' || typing
  return named && (empty(filetypes) || index(filetypes, filetype) >= 0)
    && bufname(bufnr) !~ '^\a\{2,}://'
enddef

# Gives a buffer to the server, which is started for it.
export def Attach(bufnr: number, typing = false)
  if !Eligible(bufnr, typing) || document.IsOpen(bufnr)
    return
  endif
  if !client.Running()
    client.Begin()
    return
  endif
  var added = workspace.Added(bufnr)
  if !empty(added)
    client.Notify('workspace/didChangeWorkspaceFolders', {event: {added: added, removed: []}})
  endif
  document.Open(bufnr)
enddef

export def Saved(bufnr: number)
  if client.Running()
    document.Saved(bufnr)
  endif
enddef

export def Renamed(bufnr: number)
  if client.Running() && document.IsOpen(bufnr)
    document.Close(bufnr)
    Attach(bufnr)
  endif
enddef

export def Closed(bufnr: number)
  if document.IsOpen(bufnr)
    document.Close(bufnr)
  endif
enddef

# Sends changes that nobody has asked about, soon.
export def FlushLater()
  if client.Running()
    timer_stop(flush_timer)
    flush_timer = timer_start(200, (_) => document.FlushAll())
  endif
enddef
