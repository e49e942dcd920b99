vim9script
# The server asks whether a tool may run: what it would do is shown, and the user chooses.
#
# Nothing takes the keys: what is typed meanwhile must not be an answer.

import autoload './client.vim'
import autoload './transcript.vim'
import autoload './util.vim'
import autoload './windows.vim'

var questions: list<dict<any>> = []

export def Asked(id: any, params: dict<any>)
  var call: dict<any> = params.toolCall
  var title = util.Clean(call.title)
  transcript.Note($'may it? {title}')
  for diff in util.Field(call, 'diffs', [])
    transcript.Diff(util.Name(diff.uri),
      transcript.Compare(util.Field(diff, 'oldText'), diff.newText))
  endfor
  var names = join(mapnew(params.options, (_, option) => util.Clean(option.name)), ', ')
  transcript.Note($':PolypilotAnswer, or gy here: {names}')
  add(questions, {id: id, title: title, options: params.options})
  util.Notify($'{title}? :PolypilotAnswer')
  windows.Titles()
enddef

export def Waiting(): bool
  return !empty(questions)
enddef

# The answer has ended: nothing is asked any more.
export def Clear()
  questions = []
enddef

# The server needs no answer any more.
export def Withdraw(params: dict<any>)
  filter(questions, (_, question) => question.id != params.id)
  windows.Titles()
enddef

export def Answer()
  if empty(questions)
    util.Notify('nothing is asked')
    return
  endif
  var question = questions[0]
  util.Choose(question.title, question.options, (option) => option.name, (option) => {
    if index(questions, question) < 0
      util.Notify('this is not asked any more')
      return
    endif
    filter(questions, (_, each) => each isnot question)
    client.Reply(question.id, {outcome: {outcome: 'selected', optionId: option.optionId}})
    transcript.Note(option.name)
    windows.Titles()
  })
enddef
