vim9script
# What the server asks and tells, beside its answers.

import autoload './chat.vim'
import autoload './client.vim'
import autoload './document.vim'
import autoload './ghost.vim'
import autoload './log.vim'
import autoload './permission.vim'
import autoload './status.vim'
import autoload './util.vim'

export def Request(id: any, method: string, params: dict<any>)
  if method ==# 'workspace/configuration'
    client.Reply(id, mapnew(params.items, (_, item) =>
      get(item, 'section', '') ==# 'polypilot' ? util.Option('settings') : null))
  elseif method ==# 'workspace/applyEdit'
    client.Reply(id, document.Apply(params.edit))
  elseif method ==# 'polypilot/chat/permission'
    permission.Asked(id, params)
  elseif method ==# 'window/showDocument'
    var path = util.Path(params.uri)
    if filereadable(path)
      execute 'split' fnameescape(path)
    endif
    client.Reply(id, {success: filereadable(path)})
  elseif method ==# 'window/showMessageRequest'
    AskMessage(id, params)
  elseif method =~# '^client/\|^window/workDoneProgress/create$'
    client.Reply(id, null)
  else
    client.Refuse(id, {code: -32601, message: $'no such method: {method}'})
  endif
enddef

def AskMessage(id: any, params: dict<any>)
  util.Choose(params.message, util.Field(params, 'actions', []), (row) => row.title,
    (row) => client.Reply(id, row))
enddef

export def Notification(method: string, params: dict<any>)
  if method ==# '$/progress'
    chat.Progress(params)
  elseif method ==# 'polypilot/status'
    status.Update(params)
  elseif method ==# 'polypilot/completionGrew'
    ghost.Grew(params)
  elseif method ==# '$/cancelRequest'
    permission.Withdraw(params)
  elseif method ==# 'window/showMessage'
    util.Notify(params.message)
  elseif method ==# 'window/logMessage'
    log.Add(params.message)
  endif
enddef
