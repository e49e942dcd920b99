vim9script
# What is done with a conversation as a whole: other branches, another model, those of before.

import autoload './answer.vim'
import autoload './chat.vim'
import autoload './client.vim'
import autoload './picker.vim'
import autoload './prompt.vim'
import autoload './transcript.vim'
import autoload './util.vim'
import autoload './windows.vim'

# The last answer once more, on a branch of its own.
export def Retry()
  if chat.Busy()
    return
  endif
  if chat.state.session == '' || chat.state.answered == ''
    util.Notify('there is no answer to give again')
    return
  endif
  chat.state.replaces = chat.state.answered
  transcript.Note('once more:')
  chat.Send('')
enddef

# The last question back into the prompt; what is sent next takes its place.
export def Edit()
  if chat.Busy()
    return
  endif
  var question = chat.state.question
  if chat.state.session == '' || question == ''
    util.Notify('there is no question to edit')
    return
  endif
  client.Ask('polypilot/chat/load', {sessionId: chat.state.session}, (whole) => {
    for message in whole.messages
      if message.id ==# question
        chat.state.replaces = question
        prompt.Put(message.text)
        windows.Open()
      endif
    endfor
  })
enddef

# Changes who answers from now on, or what it may use.
def Configure(changes: dict<any>)
  var Take = (info: any) => {
    extend(chat.state.chosen, changes)
    if has_key(changes, 'provider')
      chat.state.chosen.model = util.Field(info, 'model', get(changes, 'model', ''))
    endif
    windows.Titles()
  }
  if chat.state.session == ''
    Take({})
  else
    client.Ask('polypilot/chat/configure', extendnew({sessionId: chat.state.session}, changes), Take)
  endif
enddef

export def Model()
  picker.Model((provider, model) => {
    Configure(model == '' ? {provider: provider} : {provider: provider, model: model})
  })
enddef

export def Mode(mode: string)
  if index(['plain', 'ask', 'edit'], mode) < 0
    util.Notify('one of plain, ask or edit', 'ErrorMsg')
    return
  endif
  Configure({mode: mode})
enddef

export def Effort(effort: string)
  Configure({effort: effort})
enddef

def Label(row: dict<any>): string
  var parts = [row.title, strftime('%Y-%m-%d %H:%M', float2nr(row.updated + 0.0)), $'{row.messages} messages']
  return join(add(parts, util.Field(row, 'excerpt'))->filter((_, part) => part != ''), ' · ')
enddef

# Opens a conversation of before, chosen from a list; with words, of those that have them.
export def History(words: string)
  if chat.Busy()
    return
  endif
  client.Ask('polypilot/chat/sessions', {query: words}, (rows) => {
    if empty(rows)
      util.Notify('no conversation was found')
    else
      util.Choose('Conversations', rows, Label, (row) => {
        client.Ask('polypilot/chat/load', {sessionId: row.sessionId}, Draw)
      })
    endif
  })
enddef

# Puts a whole conversation on screen, and goes on with it.
def Draw(whole: dict<any>)
  chat.Reset()
  var info = whole.session
  chat.state.session = info.sessionId
  for name in ['title', 'provider', 'model', 'mode']
    chat.state.chosen[name] = util.Clean(util.Field(info, name))
  endfor
  for message in whole.messages
    if message.role ==# 'user'
      transcript.Heading('You', message.text)
      chat.state.question = message.id
    elseif message.role ==# 'summary'
      transcript.Note('what came before, in short: ' .. message.text)
    else
      DrawAnswer(message)
      chat.state.answered = message.id
    endif
  endfor
  windows.Open()
enddef

def DrawAnswer(message: dict<any>)
  var turn = answer.New('')
  answer.Head(turn, message)
  for event in util.Field(message, 'events', [])
    answer.Take(turn, event)
  endfor
  var closing = answer.Closing(turn, message)
  if closing != ''
    transcript.Note(closing)
  endif
enddef

def With(Call: func)
  if chat.state.session == ''
    util.Notify('there is no conversation yet')
  else
    Call(chat.state.session)
  endif
enddef

export def Rename(title: string)
  With((id) => client.Ask('polypilot/chat/rename', {sessionId: id, title: title}, (_) => {
    chat.state.chosen.title = util.Clean(title)
    windows.Titles()
  }))
enddef

# The conversation as Markdown, into a file or a new buffer.
export def Export(path: string)
  With((id) => client.Ask('polypilot/chat/export', {sessionId: id}, (result) => {
    var lines = split(result.markdown, "\n", true)
    if path != ''
      writefile(lines[-1] == '' ? lines[: -2] : lines, expand(path))
      util.Notify($'written: {path}')
    else
      botright new
      setlocal nomodeline buftype=nofile bufhidden=wipe
      setline(1, lines)
      setlocal filetype=markdown nomodeline
    endif
  }))
enddef

# Forgets the conversation for good, here and on the disk.
export def Delete()
  With((id) => {
    chat.Stop()
    client.Ask('polypilot/chat/delete', {sessionId: id}, (_) => chat.Reset())
  })
enddef
