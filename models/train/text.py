"""What is spoken for training: phrases, sentences of the domain, and speech that means nothing to it.

Every text carries the words that the model shall write. Words of the domain are one token each; speech that holds none of them is
UNKNOWN, so that a caller who says something else is told apart instead of being taken for the nearest phrase.
"""

import random
import re
from pathlib import Path

HERE = Path(__file__).parent
UNKNOWN = "<unknown>"

OPENERS = (
    "can i|could i|may i|i want to|i just want to|i need to|i would like to|i'd like to|i'd rather|let me|please let me|"
    "is there someone i can|i have to|could you please let me"
).split("|")
SPEAK = "speak to|talk to|speak with|talk with".split("|")
FETCH = (
    "connect me to|connect me with|transfer me to|put me through to|put me on to|give me|get me|i want|i need|i would like|"
    "can i have|i'm asking for|please get me|could you get me|can you connect me to|can you transfer me to|is there"
).split("|")
PEOPLE = (
    "a person|a human|a human being|a real person|a real human being|a live person|an agent|a live agent|a human agent|"
    "an operator|a representative|someone|somebody|customer service|customer support|a manager|your manager|a supervisor|"
    "a colleague|somebody in charge|an actual person|an actual human|someone real|a customer service representative|the help desk"
).split("|")
ENDS = ["", "", "", " please", " now", " right now", " instead", " thanks"]
REFUSALS = (
    "i don't want to talk to a machine|i don't want to talk to a computer|stop this i want a person|no machine please|"
    "this is not helping get me a person|you don't understand me i need a person|not a robot a person please|"
    "forget it give me an agent|enough i want an operator|are you a robot i want a human"
).split("|")
DEEDS = (
    "get|have|send|see|find|pay|book|order|know about|ask about|complain about|return|change|collect|pick up|open|check|use|learn|rent|move|"
    "try|keep|make|look for|wait for|hear about|give back|send back|speak|talk about"
).split("|")
PLACES = "in|for|with|from|to|near|on|at|of|without".split("|")
TELLS = (
    "i want to know when the|i need to know where the|i am very|i was at the|i have been waiting for the|your driver was|you are very|"
    "is there any|there was no|how much is the|how do i get the|when is the|where is the|what about the|can you tell me the|could you check the"
).split("|")
COMMON = (
    "time year people way day man thing woman life child world school state family student group country problem hand part place case week "
    "company system program question work government night point home water room mother area money story fact month lot study book eye job "
    "word business issue side kind head house father power hour game line end member law car city community name president team minute idea "
    "kid body information nothing ago face others level office door health art war history party result morning reason research girl guy food "
    "teacher force education foot boy age policy music market sense nation plan college interest death experience effect use class control "
    "field development role effort rate heart drug show leader light voice wife police mind white black red green blue yellow big small old "
    "young long short high low cold warm beautiful terrible happy angry hungry tired quick slow early late cat dog horse bird fish tree river "
    "mountain garden kitchen window table chair bottle coffee sugar bread butter cheese apple orange banana potato chicken dinner lunch "
    "breakfast summer winter spring autumn rain snow wind sun moon star sky sea island beach boat train bus plane ticket station airport "
    "street bridge hospital doctor nurse lawyer farmer soldier captain king queen football tennis guitar piano violin movie song dance "
    "holiday weekend birthday wedding uncle aunt brother sister cousin neighbour friend computer keyboard laptop telephone television radio "
    "battery engine wheel bicycle elevator ladder hammer candle blanket pillow jacket shirt shoe hat glove umbrella wallet mirror picture "
    "walk run jump swim read write think believe remember forget learn teach build break carry throw catch drive sleep wake laugh cry sing "
    "watch listen cook eat drink buy sell win lose grow fall rise turn move play paint draw cut push pull climb travel visit meet marry alexa "
    "jarvis weather purple elephant seventeen tomato hello mister missus twelve sandwich latte espresso cappuccino syrup caramel vanilla "
    "mocha large medium decaf milk cream whipped chocolate lights bedroom bathroom temperature volume alarm timer"
).split()


def lines(text):
    """Words as they are spoken: lower case, without punctuation."""
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def phrases(own=None):
    """(kind, text, words) of every phrase in phrases.txt, and in another file like it."""
    out = []
    files = [HERE / "phrases.txt"] + ([Path(own)] if own else [])
    for line in (line for f in files for line in f.read_text(encoding="utf-8").splitlines()):
        if line and not line.startswith("#"):
            kind, text, *pinyin = line.split("\t")
            out.append((kind, text, (pinyin[0] if pinyin else text).split()))
    return out


def requests(rng, count):
    """Requests for a person in many wordings."""
    out = set(REFUSALS)
    while len(out) < count:
        who = rng.choice(PEOPLE) + rng.choice(ENDS)
        begin = f"{rng.choice(OPENERS)} {rng.choice(SPEAK)}" if rng.random() < 0.6 else rng.choice(FETCH)
        polite = rng.choice(["", "", "", "please ", "hello ", "sorry ", "no ", "yes "])
        out.add(f"{polite}{begin} {who}")
    return sorted(out)


def flow_examples():
    """Example sentences of the English example flow: the demo asks them."""
    flow = HERE.parent.parent / "flows" / "parcel.yaml"
    if not flow.exists():
        return []
    text = flow.read_text(encoding="utf-8")
    found = re.findall(r"^ {6}- ([A-Za-z][^:{}\[\]#]+)$", text, re.MULTILINE)
    return sorted({lines(t) for t in found})


def foreign(rng, words, common, known, count):
    """English that is none of ours: single words and loose sentences. `words` is a dictionary, `common` frequent words."""
    out = set()
    rare = [w for w in words if w not in known and 3 <= len(w) <= 12 and w.isalpha()]
    usual = [w for w in common if w not in known]
    while len(out) < count:
        n = rng.choice([1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7])
        pick = lambda: rng.choice(usual) if rng.random() < 0.75 else rng.choice(rare)
        said = [pick() for _ in range(n)]
        if n > 3:
            for i in range(1, n - 1, 2):
                said[i] = rng.choice(["the", "a", "of", "and", "in", "with", "was", "from", "his", "her", "under", "they"])
        out.add(" ".join(said))
    return sorted(out)


def near_requests(rng, known, count):
    """Sentences that begin like a request for a person and ask for something else: without them the beginning decides."""
    out = set()
    usual = [w for w in COMMON if w not in known]
    thing = lambda: rng.choice(["a", "the", "my", "my", "your", "this", "some", "another", "one more"]) + " " + rng.choice(usual)
    behind = lambda: rng.choice(["", "", "", f" {rng.choice(PLACES)} {thing()}", f" to {rng.choice(DEEDS)} {thing()}"])
    while len(out) < count:
        polite = rng.choice(["", "", "", "please ", "hello ", "sorry ", "no ", "yes ", "and now "])
        luck = rng.random()
        if luck < 0.45:
            said = f"{rng.choice(OPENERS)} {rng.choice(DEEDS)} {thing()}"
        elif luck < 0.85:
            said = f"{rng.choice(FETCH)} {thing()}"
        else:
            said = f"{rng.choice(TELLS)} {rng.choice(usual)}"
        out.add(polite + said + behind() + rng.choice(ENDS))
    return sorted(out)
