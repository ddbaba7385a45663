"""Word lists of the director and the rubric: small, lower case, English."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# --- grammar ------------------------------------------------------------------------------------

DETERMINERS = _words("a an the my your our their his her its this that these those no every each some any")
_PREPOSITIONS = _words("for of with without to in on at from by before after about within under over as")
_CLAUSE = _words("that who whose which when while where not than until nobody everyone everybody you we they i it")
# A noun phrase ends its head where one of these begins: "trial users | who never come back".
AFTER_HEAD = DETERMINERS | _PREPOSITIONS | _CLAUSE
# First words that are never names, so their capital goes when a phrase moves inside a sentence.
NEVER_NAMES = DETERMINERS | _PREPOSITIONS
MASS_NOUNS = _words(
    "advice software care coffee insurance support help training coaching therapy hosting equipment furniture food"
    " water energy electricity finance accounting maintenance security storage transport delivery childcare music"
    " art work tuition staff management design marketing consulting travel medicine dentistry law"
)
SINGULAR_IN_S = _words("chaos news gas lens bias canvas atlas saas series pilates christmas")
PLURAL_WITHOUT_S = _words("people children men women teeth feet mice staff police")
STOP_WORDS = AFTER_HEAD | _words(
    "and or but if so is are was were be been being am do does did don't has have had can could will would should"
    " you i we they he she it me us them you're it's what why how just one again more less"
)
QUESTION_WORDS = _words("what why how where when who")
_PERSONS = _words("i you we they he she it anyone anybody somebody someone")
ANY_SUBJECT = _PERSONS | DETERMINERS | _words("there")
# Verbs that open a question and whom they are then about. "Do it", "have a seat" and "should you need help" ask nothing.
ASKED_ABOUT = {
    **dict.fromkeys(_words("is are was were isn't aren't wasn't weren't can could can't couldn't"), ANY_SUBJECT),
    **dict.fromkeys(_words("will would won't wouldn't does did doesn't didn't has hasn't"), ANY_SUBJECT),
    **dict.fromkeys(_words("do don't have haven't am"), _PERSONS - {"it"}),
    **dict.fromkeys(_words("should shouldn't"), _words("i we")),
}

# --- hooks ----------------------------------------------------------------------------------------

NEGATIVE = _words(
    "stop tired sick never not no don't didn't isn't without broken hidden cost costs costing mistake worry worried"
    " hate fed waiting wait losing lose lost late pain myth wrong problem waste wasting bored leaking unpaid"
    " chasing missed miss failing fail slow stress hassle nobody afraid unsure"
)
POSITIVE = _words("amazing great best perfect love happy wonderful awesome incredible fantastic easy beautiful enjoy")
ADDRESS = _words("you your you're you'd yours")

# --- calls to action ------------------------------------------------------------------------------

# A call that opens with anything else is not verb-first.
ACTION_VERBS = _words(
    "apply arrange ask become begin book browse build buy call chat check choose claim collect come compare"
    " contact create discover donate download enjoy enquire enrol enroll enter experience explore fill find fix get give"
    " grab hire hold invite join keep know learn let listen look make meet message move open order organise"
    " organize pay pick plan play pre-order read receive redeem register rent request reserve ring save schedule"
    " secure see sell send shop show sign speak start stop subscribe switch take talk tell test text tour try turn"
    " unlock upgrade use view visit watch win work write"
)
# Calls made of these words alone ask for nothing in particular.
VAGUE_ACTION = _words("learn click shop see more here now read find out start visit us get it")
# Words any call may carry without promising something.
UNPROMISING = _words("today now online more")
