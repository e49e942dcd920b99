vim9script
# What the server says of itself: for status lines, and once for each distinct error.

import autoload './client.vim'
import autoload './ghost.vim'
import autoload './program.vim'
import autoload './util.vim'

const WORDS = {
  starting: 'starting', paused: 'paused', needsKey: 'needs a key', needsModel: 'needs a model',
  error: 'error',
}

var state: dict<any> = {state: 'stopped', paused: false}
var told: list<string> = []

def Once(text: string, highlight = '')
  if util.Option('notify') && index(told, text) < 0
    add(told, text)
    util.Notify(text, highlight)
  endif
enddef

def Changed()
  if exists('#User#PolypilotStatus')
    doautocmd <nomodeline> User PolypilotStatus
  endif
  redrawstatus!
enddef

export def Update(params: dict<any>)
  state = params
  var problem = util.Field(state, 'error', {})
  if util.Field(problem, 'message') != ''
    Once(util.Describe(problem), 'WarningMsg')
  endif
  for notice in util.Field(state, 'notices', [])
    Once(notice)
  endfor
  Changed()
enddef

export def Gone()
  state = {state: 'stopped', paused: Paused()}
  Changed()
enddef

export def Get(): dict<any>
  return deepcopy(state)
enddef

export def Paused(): bool
  return util.Field(state, 'paused', false)
enddef

export def Line(): string
  var now = util.Field(state, 'state')
  if now ==# 'stopped'
    return ''
  endif
  var target = util.Field(state, 'completion', {})
  var word = get(WORDS, now, Paused() ? 'paused' : '')
  for each in [util.Field(target, 'model'), util.Field(target, 'provider'), now]
    word = word == '' ? each : word
  endfor
  return 'polypilot: ' .. substitute(util.Clean(word), "\n", ' ', 'g') .. (now ==# 'busy' ? ' …' : '')
enddef

def Target(row: dict<any>): string
  var provider = util.Field(row, 'provider')
  var model = util.Field(row, 'model')
  return provider == '' ? 'none' : model == '' ? provider : $'{provider} / {model}'
enddef

def Lines(): list<string>
  var now = util.Field(state, 'state')
  var problem = util.Field(state, 'error', {})
  var rows = [
    ['state', get(WORDS, now, now)],
    ['completion', Target(util.Field(state, 'completion', {})) .. (Paused() ? ' (paused)' : '')],
    ['chat', Target(util.Field(state, 'chat', {}))],
    ['workspace', util.Field(state, 'trusted', false) ? 'trusted' : 'not trusted'],
    ['keyring', util.Field(state, 'keyring')],
    ['redactions', $'{util.Field(state, "redactions", 0)}'],
    ['error', util.Field(problem, 'message')],
    ['cure', util.Field(problem, 'cure')],
  ]
  for notice in util.Field(state, 'notices', [])
    add(rows, ['note', notice])
  endfor
  return rows->filter((_, row) => row[1] != '')->mapnew((_, row) => printf('%-12s %s', row[0], row[1]))
enddef

export def Show()
  if !client.Running()
    var cure = program.Found() ? ':PolypilotRestart starts it' : util.INSTALL
    util.Notify("no server is running\n" .. cure, 'WarningMsg')
    return
  endif
  client.Ask('polypilot/status', {}, (result) => {
    Update(result)
    util.Show('polypilot://status', Lines())
  })
enddef

# Automatic suggestions off or on everywhere: 'on' pauses, 'off' goes on, '' switches.
export def Pause(word: string)
  if index(['', 'on', 'off'], word) < 0
    util.Notify('on pauses, off goes on', 'ErrorMsg')
    return
  endif
  var paused = word == '' ? !Paused() : word ==# 'on'
  var Done = (now: bool) => {
    state.paused = now
    if now
      ghost.Leave()
    endif
    util.Notify(now ? 'suggestions are paused' : 'suggestions are on')
    Changed()
  }
  if client.Running()
    client.Ask('polypilot/pause', {paused: paused}, (result) => Done(result.paused))
  else
    Done(paused)
  endif
enddef
