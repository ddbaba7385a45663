"""Hook formulas as data: one row per family, about three templates each.

A slot in braces comes from the brief and bends to its place (`language.Phrase`): ``{product:a}`` takes an
article, ``{pain:s}`` and ``{pain:is}`` make the verb agree. A family whose slot is missing switches itself
off. No template states a number, a result or a proof of its own: those come from the brief alone.
"""

from __future__ import annotations

FAMILIES: dict[str, tuple[str, ...]] = {
    "pain_question": ("Tired of {pain_doing}?", "Sick of {pain}?", "How long will you keep {pain_doing}?"),
    "audience_callout": (
        "{audience}, this one is for you.",
        "Calling all {audience} tired of {pain}.",
        "For {audience} who are done with {pain_doing}.",
    ),
    "negation": ("Stop {pain_doing}.", "Don't put up with {pain}.", "Don't settle for {pain_doing}."),
    "outcome_promise": ("Imagine {outcome}.", "{outcome} start{outcome:s} here.", "Ready to {outcome_do}?"),
    "proof_first": ("{proof}. Here's why.", "{proof}. See for yourself.", "Why {audience} choose {brand}: {proof}."),
    "curiosity": (
        "The real reason you keep {pain_doing}.",
        "What nobody tells you about {pain_doing}.",
        "What {pain} {pain:is} really telling you.",
    ),
    "contrast": ("Swap {pain} for {outcome}.", "Before: {pain}. After: {outcome}.", "From {pain} to {outcome}."),
    "offer": ("{offer}. Yes, really.", "{audience}: {offer}.", "New to {brand}? {offer}."),
    "story": (
        "It always starts with {pain}.",
        "Picture your week without {pain_doing}.",
        "You know how this goes: {pain}.",
    ),
    "myth_bust": (
        "Think {pain_doing} is normal? Think again.",
        "Myth: you have to live with {pain}.",
        "No, {pain_doing} isn't just how it is.",
    ),
    "demo": (
        "Watch how {audience} {outcome_do}.",
        "See what {outcome} look{outcome:s} like.",
        "See life after {pain_doing}.",
    ),
    "urgency": (
        "Let today be your last day {pain_doing}.",
        "Don't spend another day {pain_doing}.",
        "Why wait? You could {outcome_do}.",
    ),
    "cost_of_inaction": (
        "The hidden cost of {pain}.",
        "What is {pain_doing} costing you?",
        "{pain} cost{pain:s} more than you think.",
    ),
    "identity": (
        "You didn't sign up for {pain_doing}.",
        "{audience} deserve {outcome}.",
        "{audience} deserve better than {pain}.",
    ),
    "objection_flip": (
        "Worried about {objection}? Watch this first.",
        "Put off by {objection}? Look again.",
        "Expecting {objection}? Take another look.",
    ),
    "how_to": ("How to {outcome_do}.", "How {audience} can stop {pain_doing}.", "How to deal with {pain}."),
    "before_you": (
        "Before you choose {product:a}, watch this.",
        "Watch this before you go back to {pain_doing}.",
        "Before you live with {pain} another day, watch this.",
    ),
    "comparison": (
        "{outcome} beat{outcome:s} {pain_doing}.",
        "{pain} or {outcome}: you choose.",
        "Which sounds better: {pain_doing} or {outcome}?",
    ),
    "pull_quote": ("“{quote}”", "In our own words: “{quote}”", "Hear it for yourself: “{quote}”"),
    "list_of_three": (
        "No fuss, no {pain_doing}, just {outcome}.",
        "Less hassle, less {pain_doing}, more good days.",
        "{pain}, stress and hassle? No thanks.",
    ),
    "challenge": (
        "Could you go a month without {pain_doing}?",
        "Try one week without {pain_doing}.",
        "We dare you to {outcome_do}.",
    ),
    "time_frame": (
        "{outcome} {time_frame}? See how.",
        "What if you could {outcome_do} {time_frame}?",
        "From {pain} to {outcome} {time_frame}.",
    ),
    "mistake": (
        "The mistake that keeps you {pain_doing}.",
        "The mistake behind {pain}.",
        "{pain_doing} is the real mistake.",
    ),
    "insider": (
        "The quiet way to {outcome_do}.",
        "What {audience} wish they knew about {pain_doing}.",
        "Read this before you pick {product:a}.",
    ),
    "price_anchor": ("{offer}. What is {pain} costing you?", "{pain}? Or this: {offer}.", "Worth a look? {offer}."),
    "social_proof": ("Don't take our word for it: {proof}.", "Still unsure? {proof}.", "Ask around. {proof}."),
    "point_of_view": (
        "POV: you finally {outcome_do}.",
        "POV: {pain} {pain:is} no longer your problem.",
        "POV: you forgot all about {pain_doing}.",
    ),
    "unpopular_opinion": (
        "Unpopular opinion: {pain_doing} is optional.",
        "Hot take: {outcome} should be normal.",
        "Unpopular opinion: {audience} put up with too much.",
    ),
    "rhetorical": ("Who has time for {pain}?", "Why put up with {pain_doing}?", "Who wouldn't want {outcome}?"),
    "what_if": (
        "What if you could {outcome_do}?",
        "What if {pain_doing} was optional?",
        "What would {outcome} mean to you?",
    ),
    "again": (
        "{pain}, again? There's a better way.",
        "Another day, another round of {pain_doing}.",
        "Here we go again: {pain}.",
    ),
    "introduction": (
        "Meet {brand}: {product:a} for {audience}.",
        "Finally, {product:a} made for {audience}.",
        "Say hello to {brand} and {outcome}.",
    ),
    "relief": (
        "Out with {pain}. In with {outcome}.",
        "Breathe out. No more {pain_doing}.",
        "{outcome}, without {pain_doing}.",
    ),
    "permission": (
        "It's okay to be done with {pain}.",
        "You're allowed to want {outcome}.",
        "You have permission to stop {pain_doing}.",
    ),
    "call_first": (
        "{action} and stop {pain_doing}.",
        "Fed up with {pain}? {action}.",
        "Want {outcome}? {action}.",
    ),
    "if_then": (
        "If you're {pain_doing}, keep watching.",
        "If {pain} sound{pain:s} familiar, watch this.",
        "If you want {outcome}, start here.",
    ),
    "honesty": (
        "Be honest: are you still {pain_doing}?",
        "Let's talk about {pain}.",
        "Admit it: {pain_doing} is no fun.",
    ),
    "wish": ("Wish you could {outcome_do}?", "You just want {outcome}.", "All you wanted was to {outcome_do}."),
    "better_plan": (
        "You have better plans than {pain_doing}.",
        "There's a better answer to {pain}.",
        "Your time is worth more than {pain_doing}.",
    ),
    "search": ("Looking for {product:a}?", "Need {product:a}? Start here.", "More than {product:a}: {outcome}."),
}
