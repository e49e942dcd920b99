vim9script
# The chat: sends a message, shows the answer while it is written.

import autoload './answer.vim'
import autoload './attachments.vim'
import autoload './client.vim'
import autoload './document.vim'
import autoload './edits.vim'
import autoload './permission.vim'
import autoload './transcript.vim'
import autoload './util.vim'
import autoload './windows.vim'

# What the chat is about now; conversation.vim and attachments.vim change it too.
export var state: dict<any> = {
  session: '', chosen: {}, question: '', answered: '', replaces: '', turn: {}, attachments: [],
}
var turns = 0

# `:PolypilotChat` and `:PolypilotAsk`, with a range or without.
export def Command(range: number, first: number, last: number, text: string)
  if range > 0
    attachments.AttachLines(first, last)
  endif
  windows.Open()
  if text != ''
    Send(text)
  endif
enddef

export def Busy(): bool
  if !empty(state.turn)
    util.Notify('an answer is still being written; :PolypilotStop ends it', 'WarningMsg')
  endif
  return !empty(state.turn)
enddef

def Parameters(turn: dict<any>, text: string): dict<any>
  document.FlushAll()
  var params: dict<any> = {text: text, partialResultToken: turn.token}
  for [name, value] in items({sessionId: state.session, replaces: state.replaces,
      context: attachments.Attached(), scene: attachments.Scene()})
    if !empty(value)
      params[name] = value
    endif
  endfor
  if state.session == ''
    extend(params, copy(state.chosen)->filter((name, value) => name !=# 'title' && value != ''))
  endif
  state.attachments = []
  state.replaces = ''
  return params
enddef

# Sends one message; empty only where an answer is to be given again.
export def Send(text: string)
  if (trim(text) == '' && state.replaces == '') || Busy()
    return
  endif
  turns += 1
  var turn = answer.New($'polypilot-chat-{turns}')
  state.turn = turn
  if text != ''
    transcript.Heading('You', text)
  endif
  transcript.Follow(true)
  windows.Titles()
  client.Ensure((problem) => {
    if state.turn isnot turn
      return
    elseif !empty(problem)
      Finish(turn, problem, {})
    else
      turn.id = client.Send('polypilot/chat/send', Parameters(turn, text),
        (why, result) => Finish(turn, why, result))
      windows.Titles()
    endif
  })
enddef

# A `$/progress` of the server's.
export def Progress(params: dict<any>)
  var turn = state.turn
  if empty(turn) || util.Field(params, 'token') != turn.token
    return
  endif
  answer.Take(turn, params.value)
  for [ours, theirs] in items({session: 'session', question: 'question', answered: 'message'})
    state[ours] = turn[theirs] == '' ? state[ours] : turn[theirs]
  endfor
  if turn.title != '' && turn.title !=# get(state.chosen, 'title', '')
    state.chosen.title = util.Clean(turn.title)
    windows.Titles()
  endif
enddef

def Finish(turn: dict<any>, problem: dict<any>, result: any)
  if state.turn isnot turn
    return
  endif
  state.turn = {}
  permission.Clear()
  state.session = util.Field(result, 'sessionId', state.session)
  state.answered = util.Field(result, 'messageId', state.answered)
  answer.Head(turn, result)
  if util.Field(result, 'text') != ''
    transcript.Stream('text', result.text)
  endif
  var trouble = empty(problem) ? util.Field(result, 'error', {}) : problem
  if !empty(trouble) && !turn.stopped
    transcript.Problem(trouble)
  endif
  var ended = type(result) == v:t_dict ? copy(result) : {}
  if turn.stopped
    ended.stopReason = 'cancelled'
  endif
  var closing = answer.Closing(turn, ended)
  if closing != ''
    transcript.Note(closing)
  endif
  windows.Titles()
  if exists('#User#PolypilotChatDone')
    doautocmd <nomodeline> User PolypilotChatDone
  endif
enddef

# The server has ended, and with it the answer.
export def Gone()
  state.session = ''
  if !empty(state.turn)
    Finish(state.turn, {
      message: 'the server ended before the answer was complete',
      cure: ':PolypilotRestart starts it again, :PolypilotLog shows why',
    }, {})
  endif
enddef

# Stops the answer that is being written; what came stays. Returns whether there was one.
export def Stop(): bool
  var turn = state.turn
  if empty(turn)
    return false
  endif
  turn.stopped = true
  client.Cancel(turn.id)
  Finish(turn, {}, {})
  return true
enddef

export def StopCommand()
  if !Stop()
    util.Notify('no answer is being written')
  endif
enddef

# Forgets what was, on the screen and here.
export def Reset()
  extend(state, {session: '', attachments: [], question: '', answered: '', replaces: ''})
  state.chosen = has_key(state.chosen, 'mode') ? {mode: state.chosen.mode} : {}
  edits.Clear()
  transcript.Clear()
  windows.Titles()
enddef

export def New()
  Stop()
  if state.session != '' && client.Running()
    client.Request('polypilot/chat/close', {sessionId: state.session}, (_, _) => 0)
  endif
  Reset()
enddef
