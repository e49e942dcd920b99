vim9script
# Suggestions while typing: asked for, held, shown at the cursor, accepted.

import autoload './client.vim'
import autoload './document.vim'
import autoload './drawing.vim'
import autoload './outcome.vim'
import autoload './status.vim'
import autoload './suggestion.vim'
import autoload './text.vim'
import autoload './util.vim'

const METHOD = 'textDocument/inlineCompletion'
const INVOKED = 1
const AUTOMATIC = 2

var shown: dict<any> = {}     # bufnr, offers, index, invoked
var pending: dict<any> = {}   # what the request under way was for
var asked = ''                # the place that was last asked about, or dismissed

def Inserting(): bool
  return mode() =~# '^[iR]'
enddef

def Place(): string
  return $'{bufnr()}:{b:changedtick}:{line(".")}:{col(".")}'
enddef

# The offer at the cursor, with what is left of it; {} when none fits.
def Current(): dict<any>
  if empty(shown) || shown.bufnr != bufnr()
    return {}
  endif
  var offer: dict<any> = shown.offers[shown.index]
  var left = suggestion.Rest(offer)
  if !left.fits || (left.rest == '' && left.replaced == '')
    return {}
  endif
  return extend(left, {offer: offer})
enddef

# -- on the screen

def Erase()
  if !empty(shown)
    drawing.Erase(shown.bufnr)
  endif
enddef

# Which one of how many is shown; empty: the only one.
def Count(): string
  return len(shown.offers) > 1 ? $' {shown.index + 1}/{len(shown.offers)}' : ''
enddef

def Clear()
  Erase()
  shown = {}
enddef

def Hidden(): bool
  return (!util.Option('with_menu') && pumvisible()) || !&modifiable || reg_recording() != ''
enddef

# Draws what still fits, takes away what doesn't.
def Redraw()
  if empty(shown)
    return
  endif
  var current = Current()
  if empty(current)
    Clear()
  elseif Hidden()
    Erase()
  else
    drawing.Draw(current.rest, current.replaced, Count())
    outcome.Shown(current.offer)
  endif
enddef

# -- asking

def Cancel()
  if !empty(pending)
    client.Cancel(pending.id)
    pending = {}
  endif
enddef

def Request(kind: number, step = 0, grew = false)
  Cancel()
  if !client.Running() || !document.IsOpen(bufnr())
    return
  endif
  document.Flush(bufnr())
  asked = Place()
  var ask = {place: asked, kind: kind, step: step, grew: grew, id: 0}
  pending = ask
  ask.id = client.Send(METHOD, {
    textDocument: {uri: document.UriOf(bufnr())},
    position: {line: line('.') - 1, character: col('.') - 1},
    context: {triggerKind: kind},
  }, (problem, result) => OnReply(ask, problem, result))
enddef

def OnReply(ask: dict<any>, problem: dict<any>, result: any)
  if pending isnot ask
    return
  endif
  pending = {}
  if !empty(problem)
    if ask.kind == INVOKED
      util.Report(problem)
    endif
    return
  endif
  # No answer (null: superseded) leaves what is there; an empty one takes it away.
  if result == null || ask.place !=# Place() || !Inserting()
    return
  endif
  var given: list<any> = type(result) == v:t_list ? result : util.Field(result, 'items', [])
  var offers = given->mapnew((_, item) => suggestion.Make(item, line('.'), col('.') - 1))
    ->filter((_, offer) => !empty(offer) && suggestion.Rest(offer).fits)
  if ask.grew
    Extend(offers)
  else
    Replace(offers, ask)
  endif
enddef

# Shows these in place of what is there; none takes it away.
def Replace(offers: list<dict<any>>, ask: dict<any>)
  if empty(offers)
    Clear()
    return
  endif
  var current = Current()
  var start = 0
  if !empty(current)
    # A refresh doesn't change what the user is looking at.
    var same = indexof(offers, (_, offer) => suggestion.Rest(offer).rest ==# current.rest)
    start = max([same, 0])
  endif
  Clear()
  shown = {
    bufnr: bufnr(),
    offers: offers,
    index: (start + ask.step + len(offers)) % len(offers),
    invoked: ask.kind == INVOKED,
  }
  Redraw()
enddef

# Puts a longer form of what the user looks at in its place.
def Extend(offers: list<dict<any>>)
  var current = Current()
  if empty(current)
    return
  endif
  for longer in offers
    var more = suggestion.Rest(longer)
    if more.replaced ==# current.replaced && suggestion.StartsWith(more.rest, current.rest)
      shown.offers[shown.index] = longer
      Redraw()
      return
    endif
  endfor
enddef

def Wanted(): bool
  return util.Option('auto') && !status.Paused() && get(g:, 'polypilot_enabled', true)
    && get(b:, 'polypilot_enabled', true) && Inserting() && !Hidden()
enddef

# After a change of text or cursor in insert mode.
export def Update()
  # InsertEnter comes before the mode has changed, CompleteDone before the menu is gone.
  if expand('<amatch>') != '' && !Inserting()
    timer_start(0, (_) => {
      if Inserting()
        Update()
      endif
    })
    return
  endif
  if !Inserting()
    return
  endif
  Redraw()
  if Place() ==# asked
    return
  endif
  Cancel()
  if Wanted()
    Request(AUTOMATIC)
  endif
enddef

# Takes away what is there and comes, for another reason than that the user dislikes it.
export def Leave()
  Cancel()
  Clear()
  asked = ''
enddef

# The server can show more of what it has given.
export def Grew(params: dict<any>)
  if document.IsOpen(bufnr()) && params.uri ==# document.UriOf(bufnr())
      && empty(pending) && Place() ==# asked && Visible()
    Request(AUTOMATIC, 0, true)
  endif
enddef

# -- for keys and commands

# Whether there is a suggestion that can be accepted.
export def Visible(): bool
  return Inserting() && !empty(Current()) && !Hidden()
enddef

# The suggestion's text that is on screen, or ''.
export def Suggestion(): string
  return Visible() ? Current().rest : ''
enddef

# Inserts what was accepted: 'all', 'word' or 'line'.
export def Insert(part: string)
  var current = Current()
  if empty(current)
    return
  endif
  var offer: dict<any> = current.offer
  var rest: string = current.rest
  var taken = part ==# 'word' ? text.Word(rest) : part ==# 'line' ? text.Line(rest) : rest
  var whole = taken ==# rest
  if whole
    Clear()
  else
    Erase()
  endif
  suggestion.Put(taken, whole ? current.replaced : '')
  if whole
    Cancel()
    outcome.Accepted(offer)
  else
    outcome.PartlyAccepted(offer, strlen(offer.text) - strlen(rest) + strlen(taken))
    Redraw()
  endif
enddef

# Shows another one; asks for all of them the first time.
export def Cycle(step: number)
  if !Visible()
    return
  endif
  if len(shown.offers) == 1 && !shown.invoked
    Request(INVOKED, step)
  else
    shown.index = (shown.index + step + len(shown.offers)) % len(shown.offers)
    Redraw()
  endif
enddef

export def Dismiss()
  var current = Current()
  if !empty(current)
    outcome.Dismissed(current.offer)
  endif
  Cancel()
  Clear()
  asked = Place()
enddef

# Asks for suggestions here, whatever is paused.
export def Trigger()
  if !document.IsOpen(bufnr())
    util.Notify('the server does not have this buffer; :PolypilotDoctor')
  elseif Inserting()
    Request(INVOKED)
  endif
enddef

# Automatic suggestions off or on in this buffer.
export def Toggle()
  b:polypilot_enabled = !get(b:, 'polypilot_enabled', true)
  if !b:polypilot_enabled
    Leave()
  endif
  util.Notify(b:polypilot_enabled ? 'suggestions are on here' : 'suggestions are off here')
enddef
