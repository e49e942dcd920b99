vim9script
# Takes a provider's key once and hands it to `polypilot auth set`, over its standard input: it is in
# no argument, no file, no register, no history, and never on the language server's wire.

import autoload './client.vim'
import autoload './picker.vim'
import autoload './program.vim'
import autoload './util.vim'

export def Command(provider: string)
  if provider != ''
    Enter(provider, () => 0, '')
    return
  endif
  picker.Provider('Key for', (row) => Enter(row.id, () => 0, util.Field(row, 'account')),
    (row) => util.Field(row, 'auth') ==# 'keyring')
enddef

# Asks for one provider's key; calls back when it is stored.
export def Enter(provider: string, Stored: func, account: string)
  if provider !~# '^\w[A-Za-z0-9_.-]*$'
    # Perhaps the key itself was typed here: leave no trace of it.
    histdel(':', -1)
    feedkeys(":\"\<CR>", 'nt')
    util.Notify("give a provider's id only; the key is asked for and not shown", 'ErrorMsg')
    return
  endif
  if !program.Found()
    util.Report(program.Missing())
    return
  endif
  inputsave()
  var key = ''
  try
    key = trim(inputsecret($'Key for {provider} (not shown): '))
  catch /^Vim:Interrupt$/
  finally
    inputrestore()
  endtry
  redraw
  if key == ''
    util.Notify('no key was entered; nothing has changed')
    return
  endif
  Store(provider, key, Stored, account)
enddef

def Store(provider: string, key: string, Stored: func, account: string)
  var output: list<string> = []
  var code = -1
  var closed = false
  var Done = () => {
    if !closed || code < 0
      return
    endif
    # The program doesn't repeat the key; if some wrapper did, it still isn't shown.
    var text = join(split(trim(join(output, "\n")), '\V' .. escape(key, '\'), true), '…')
    if code == 0
      util.Notify(text == '' ? $'the key for {provider} is stored' : text)
      client.Refresh()
      Stored()
    else
      util.Notify($'the key for {provider} was not stored: {text}', 'ErrorMsg')
    endif
  }
  var command = program.Command() + ['auth', 'set', provider, '--stdin']
  var job = job_start(command + (account == '' ? [] : ['--account', account]), {
    cwd: expand('~'),
    in_mode: 'raw',
    env: util.Option('env'),
    callback: (_, line) => add(output, line),
    close_cb: (_) => {
      closed = true
      Done()
    },
    exit_cb: (_, status) => {
      code = status
      Done()
    },
  })
  ch_sendraw(job_getchannel(job), key .. "\n")
  ch_close_in(job_getchannel(job))
enddef
