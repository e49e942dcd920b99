vim9script
# One answer while it is written: from the server's deltas to the transcript.

import autoload './edits.vim'
import autoload './transcript.vim'
import autoload './util.vim'

const REASONS = {
  length: "cut off: the answer's length limit was reached",
  cancelled: 'stopped',
  refusal: 'the model refused',
  max_steps: 'stopped at the limit of steps; another message goes on',
  budget: 'stopped at the budget',
}

export def New(token: string): dict<any>
  return {
    token: token, id: 0, stopped: false, headed: false, session: '', message: '', question: '',
    title: '', usage: {}, calls: {},
  }
enddef

def Named(row: any): string
  var model = util.Field(row, 'model')
  return util.Field(row, 'provider', 'Polypilot') .. (model == '' ? '' : $' / {model}')
enddef

# The heading, once.
export def Head(turn: dict<any>, value: any)
  if !turn.headed
    turn.headed = true
    transcript.Heading(Named(value))
  endif
enddef

def ContextNote(item: dict<any>): string
  var name = util.Field(item, 'name', util.Name(item.uri))
  var refused = util.Field(item, 'refused')
  if refused != ''
    return $'{name} was not sent: {refused}'
  endif
  var redacted = util.Field(item, 'redacted', 0)
  return $'with {name}, {util.Field(item, "tokens", "?")} tokens'
    .. (util.Field(item, 'cut') == '' ? '' : $', {item.cut}')
    .. (redacted == 0 ? '' : $', {redacted} secrets taken out')
enddef

def PlanNote(value: dict<any>): string
  var signs = {completed: '☑', in_progress: '▶'}
  return join(mapnew(value.entries, (_, entry) => $'{get(signs, entry.status, "☐")} {entry.content}'), "\n")
enddef

# Puts one delta on screen; those of no known kind are passed over.
export def Take(turn: dict<any>, value: dict<any>)
  var kind = value.kind
  if kind ==# 'session'
    turn.session = value.sessionId
    turn.message = value.messageId
    turn.question = util.Field(value, 'questionId')
    Head(turn, value)
    return
  elseif kind ==# 'title'
    turn.title = value.title
    return
  elseif kind ==# 'usage'
    turn.usage = value
    return
  endif
  Head(turn, {})
  if kind =~# '^\%(text\|thought\|refusal\)$'
    transcript.Stream(kind, value.text)
  elseif kind ==# 'edit'
    edits.Offer(value)
  else
    for note in Notes(turn, value)
      transcript.Note(note)
    endfor
  endif
enddef

# The remarks that a delta is worth.
def Notes(turn: dict<any>, value: dict<any>): list<string>
  var kind = value.kind
  if kind ==# 'context'
    return mapnew(util.Field(value, 'items', []), (_, item) => ContextNote(item))
  elseif kind ==# 'toolCall'
    turn.calls[value.id] = util.Field(value, 'title', value.name)
    return [$'tool: {turn.calls[value.id]}']
  elseif kind ==# 'toolUpdate' && util.Field(value, 'status') ==# 'failed'
    return [$'{get(turn.calls, value.id, "tool")}: {util.Field(value, "text", "it failed")}']
  elseif kind ==# 'plan'
    return [PlanNote(value)]
  elseif kind ==# 'citation'
    return [trim($'source: {util.Field(value, "title")} {util.Field(value, "url")}')]
  elseif kind ==# 'compacted'
    return [$'the {value.messages} oldest messages are sent as a summary from now on: '
      .. $'{value.after} tokens, not {value.before}']
  elseif kind ==# 'notice'
    return [value.message]
  endif
  return []
enddef

# The line below an answer: why it ended, who gave it, what it took.
export def Closing(turn: dict<any>, result: any): string
  var parts = [get(REASONS, util.Field(result, 'stopReason'), '')]
  if util.Field(result, 'provider') != ''
    add(parts, Named(result))
  endif
  var usage = util.Field(result, 'usage', turn.usage)
  var input = $'{util.Field(usage, "inputTokens", "?")}'
  var output = $'{util.Field(usage, "outputTokens", "?")}'
  if input != '?' || output != '?'
    add(parts, $'{input} tokens in, {output} out')
  endif
  var cost = util.Field(usage, 'cost')
  if cost != '' && str2float(cost) != 0.0
    add(parts, $'${cost}')
  endif
  var [used, window] = [util.Field(turn.usage, 'used', 0), util.Field(turn.usage, 'window', 0)]
  if used > 0 && window > 0
    add(parts, $'{(100 * used + window - 1) / window}% of the window')
  endif
  return join(filter(parts, (_, part) => part != ''), ' · ')
enddef
