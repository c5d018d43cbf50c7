#!/bin/sh
# Makes the recordings in this folder and index.tsv: synthesised callers (flite, espeak-ng) made to sound like a telephone line
# (300-3400 Hz, 8 kHz, mu-law, a little line noise). No human voice is in them. Needs Debian's flite, espeak-ng and sox.
#   sh audio-fixtures/make.sh
set -eu
cd "$(dirname "$0")"
for tool in flite espeak-ng sox; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install flite espeak-ng sox" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f ./*.wav formats/*
mkdir -p formats
printf 'file\ttranscript\tslots\tvoice\n' >index.tsv

# speak VOICE TEXT OUT: at whatever rate the voice has.
speak() {
    case $1 in
    espeak:*) espeak-ng -v "${1#espeak:}" -s "${SPEED:-150}" -w "$3" "$2" ;;
    *) flite -voice "$1" -t "$2" -o "$3" ;;
    esac
}

# line IN OUT NOISE: half a second of the line before, 0.7 s after, band, level, noise, mu-law. -R keeps the noise the same each time.
line() {
    sox -R "$1" -r 8000 -c 1 -b 16 "$work/band.wav" sinc 300-3400 norm -9 pad 0.5 0.7
    sox -R "$work/band.wav" "$work/noise.wav" synth whitenoise vol "$3" sinc 300-3400
    sox -R -m -v 1 "$work/band.wav" -v 1 "$work/noise.wav" -e mu-law -b 8 -r 8000 "$2"
}

# say NAME VOICE SLOTS TEXT [SPOKEN]
say() {
    speak "$2" "${5:-$4}" "$work/raw.wav"
    line "$work/raw.wav" "$1.wav" 0.004
    printf '%s\t%s\t%s\t%s\n' "$1.wav" "$4" "$3" "$2" >>index.tsv
}

# What callers of a parcel hotline ask for; the ones called "other" are in no flow word by word.
say where-1 slt '' "where is my parcel"
say where-2 rms '' "where's my package"
say where-other-1 rms '' "i was wondering when my package is going to turn up"
say where-other-2 slt '' "it should have been here on tuesday and nothing has come yet"
say where-other-3 awb '' "can you find out what has become of my delivery"
say where-other-4 kal16 '' "my box still has not shown up"
say where-other-5 rms '' "could you please find out where my package is"
say hours-1 slt '' "what are your opening hours"
say hours-2 kal16 '' "when are you open"
say hours-other-1 rms '' "could i drop by on saturday morning or is nobody in"
say price-1 rms '' "how much does it cost to send a parcel"
say price-other-1 slt '' "what would i have to pay for a small box to france"
say complaint-1 slt '' "i want to make a complaint"
say complaint-other-1 rms '' "my parcel came broken and i am not happy about it at all"
say address-1 kal16 '' "i need to change the delivery address"
say return-1 slt '' "how do i send something back"

# A person, please.
say person-1 rms '' "let me talk to a person"
say person-2 slt '' "i want to speak to an agent"
say person-3 kal16 '' "agent"
say person-4 awb '' "can i talk to a human being please"
say person-5 rms '' "operator"
say person-6 slt '' "could you put me through to somebody who works there"

# Short answers.
say yes-1 rms '{"answer":"yes"}' "yes"
say yes-2 slt '{"answer":"yes"}' "yes please"
say yes-3 kal16 '{"answer":"yes"}' "that's right"
say yes-4 awb '{"answer":"yes"}' "yeah"
say no-1 slt '{"answer":"no"}' "no"
say no-2 rms '{"answer":"no"}' "no thank you"
say no-3 kal16 '{"answer":"no"}' "nope"
say repeat-1 slt '' "repeat that please"
say menu-1 rms '' "opening hours"
say menu-2 slt '' "track a parcel"
say menu-3 kal16 '' "prices"
say menu-4 rms '' "complaint"

# Eight digits.
say number-1 rms '{"number":"12345678"}' "one two three four five six seven eight"
say number-2 slt '{"number":"40219753"}' "four zero two one nine seven five three"
say number-3 kal16 '{"number":"88120066"}' "eight eight one two zero zero six six"
say number-4 slt '{"number":"55930417"}' "double five nine three oh four one seven"
say where-number-1 rms '{"number":"12345678"}' "where is parcel one two three four five six seven eight"
# Grouped, with a pause of about 1.2 s in the middle.
speak slt "four zero two one" "$work/a.wav"
speak slt "nine seven five three" "$work/b.wav"
sox "$work/a.wav" "$work/a2.wav" silence 1 0.01 1% reverse silence 1 0.01 1% reverse pad 0 1.2
sox "$work/b.wav" "$work/b2.wav" silence 1 0.01 1%
sox "$work/a2.wav" "$work/b2.wav" "$work/raw.wav"
line "$work/raw.wav" number-grouped-1.wav 0.004
printf 'number-grouped-1.wav\tfour zero two one nine seven five three\t{"number":"40219753"}\tslt\n' >>index.tsv

# Speech that has nothing to do with parcels: nothing may be understood.
say unrelated-1 rms '' "the orchestra will rehearse the second movement before the intermission because the cello player fell ill"
say unrelated-2 slt '' "my grandmother used to grow purple tomatoes behind the garage and feed the rest to her goats"
say unrelated-3 awb '' "photosynthesis turns carbon dioxide and water into sugar with the help of sunlight"
say unrelated-4 kal16 '' "no wonder the goalkeeper slipped when the lawn had been soaked all morning"

# mumble NAME VOICE TEXT: quick, dull, and as loud as the noise around it. Transcript empty: nobody could tell.
mumble() {
    speak "$2" "$3" "$work/raw.wav"
    sox "$work/raw.wav" "$work/dull.wav" tempo 1.6 lowpass -2 700 norm -9
    line "$work/dull.wav" "$1.wav" 0.09
    printf '%s\t\t\t%s\n' "$1.wav" "$2" >>index.tsv
}
mumble mumble-1 rms "well you know i sort of meant that other thing over there"
mumble mumble-2 awb "hm yes but the the one with the thing round the back"
mumble mumble-3 slt "uh i do not really know whatever it was called"

# Mandarin: a person, parcel, opening hours. By pinyin: espeak-ng without its Mandarin dictionary reads characters as rubbish.
SPEED=130
say zh-person-1 espeak:cmn-latn-pinyin+m7 '' "人工" "ren2 gong1"
say zh-person-2 espeak:cmn-latn-pinyin+f4 '' "转人工" "zhuan3 ren2 gong1"
say zh-person-3 espeak:cmn-latn-pinyin+m7 '' "我要转人工" "wo3 yao4 zhuan3 ren2 gong1"
say zh-where-1 espeak:cmn-latn-pinyin+f4 '' "我的包裹在哪里" "wo3 de5 bao1 guo3 zai4 na3 li3"
say zh-hours-1 espeak:cmn-latn-pinyin+m7 '' "几点营业" "ji3 dian3 ying2 ye4"
# English with other throats.
SPEED=150
say where-3 espeak:en-us '' "where is my parcel"
say person-7 espeak:en-gb+f3 '' "i would like to speak to somebody"

# One second of 440 Hz for the tests of the packed formats.
for kind in mp3 ogg flac; do
    sox -R -n -r 22050 -c 2 "formats/tone.$kind" synth 1 sine 440 gain -12
done
echo "$(($(wc -l <index.tsv) - 1)) recordings, $(du -ck ./*.wav | tail -1 | cut -f1) KB"
