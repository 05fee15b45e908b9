"""Names of months, long and short, in the languages of the feeds that people follow -> 1 to 12. Pure.

A name counts only if it means one month in every language that has it. So names are compared whole, or by a beginning of at
least three letters that fits no other month: Finnish `marraskuu` is November and no long form of `mar`.
"""

from __future__ import annotations

from functools import lru_cache
from unicodedata import combining, normalize

_MIN_BEGINNING = 3

#: Twelve words a line, long forms first; `/` stands between forms of one month (cases, spellings, short forms).
NAMES = {
    "en": "january february march april may june july august september/sept october november december",
    "en, short": "jan feb/febr mar apr may jun jul aug sep oct nov dec",
    "de": "januar/jänner februar/feber märz/maerz april mai juni juli august september oktober november dezember",
    "de, short": "jan/jän feb mär/mrz apr mai jun jul aug sep okt nov dez",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "fr, short": "janv févr/fév mars avr mai juin juil août sept oct nov déc",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre/setiembre octubre noviembre diciembre",
    "es, short": "ene feb mar abr may jun jul ago sep/set oct nov dic",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "it, short": "gen feb mar apr mag giu lug ago set ott nov dic",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "pt, short": "jan fev mar abr mai jun jul ago set out nov dez",
    "ca": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "nl, short": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "nb": "januar februar mars april mai juni juli august september oktober november desember",
    "nb, short": "jan feb mar apr mai jun jul aug sep okt nov des",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "fi": "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta"
    " heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
    "pl": "stycznia/styczeń lutego/luty marca/marzec kwietnia/kwiecień maja/maj czerwca/czerwiec"
    " lipca/lipiec sierpnia/sierpień września/wrzesień października/październik listopada/listopad grudnia/grudzień",
    "pl, short": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "cs": "ledna/leden února/únor března/březen dubna/duben května/květen června/červen"
    " července/červenec srpna/srpen září října/říjen listopadu/listopad prosince/prosinec",
    "sk": "január/januára február/februára marec/marca apríl/apríla máj/mája jún/júna"
    " júl/júla august/augusta september/septembra október/októbra november/novembra december/decembra",
    "hu": "január február március április május június július augusztus szeptember október november december",
    "hu, short": "jan feb/febr márc ápr máj jún júl aug szept/szep okt nov dec",
    "tr": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "tr, short": "oca şub mar nis may haz tem ağu eyl eki kas ara",
    "ru": "января/январь февраля/февраль марта/март апреля/апрель мая/май июня/июнь"
    " июля/июль августа/август сентября/сентябрь октября/октябрь ноября/ноябрь декабря/декабрь",
    "ru, short": "янв фев/февр мар апр май/мая июн июл авг сен/сент окт ноя/нояб дек",
    "uk": "січня/січень лютого/лютий березня/березень квітня/квітень травня/травень червня/червень"
    " липня/липень серпня/серпень вересня/вересень жовтня/жовтень листопада/листопад грудня/грудень",
    "el": "ιανουαρίου/ιανουάριος φεβρουαρίου/φεβρουάριος μαρτίου/μάρτιος απριλίου/απρίλιος μαΐου/μάιος ιουνίου/ιούνιος"
    " ιουλίου/ιούλιος αυγούστου/αύγουστος σεπτεμβρίου/σεπτέμβριος οκτωβρίου/οκτώβριος νοεμβρίου/νοέμβριος"
    " δεκεμβρίου/δεκέμβριος",
    "el, short": "ιαν φεβ μάρ απρ μάι/μαϊ/μάώ/μαώ ιούν/ιον ιούλ/ιολ αύγ/αυγ σεπ οκτ νοε/νοέ δεκ",
    "id": "januari februari maret april mei juni juli agustus september oktober november desember",
}  # fmt: skip
#: What else a name means elsewhere: Croatian for October. Croatian writes `12. listopada`, Polish `12 listopada`.
_OCTOBER_TOO = {"listopada"}


def month_number(name: str, *, dotted_day: bool = False) -> int | None:
    """Return 1 to 12, or None for what is no month's name, or the name of two; `dotted_day`: a dot followed the day."""
    name = name.lower()
    if dotted_day and name in _OCTOBER_TOO:
        return None
    return _EXACT.get(name) or _looked_up(name)


@lru_cache(maxsize=256)
def _looked_up(name: str) -> int | None:
    name = _fold(name)
    exact = _FOLDED.get(name)
    if exact is not None or len(name) < _MIN_BEGINNING:
        return exact
    meant = {number for full, number in _FOLDED.items() if full.startswith(name)}
    return meant.pop() if len(meant) == 1 else None


def _fold(name: str) -> str:
    """Return a name without accents: upper case in Turkish, decomposed letters and lazy typists all leave other ones."""
    bare = "".join(sign for sign in normalize("NFKD", name.casefold()) if not combining(sign))
    return bare.replace("ı", "i").replace("ł", "l").replace("ς", "σ")


def _all_names() -> dict[str, int]:
    """Return every form and its month; `tests` checks that no form means two."""
    return {
        form: number
        for line in NAMES.values()
        for number, forms in enumerate(line.split(), start=1)
        for form in forms.split("/")
    }


_EXACT = _all_names()
_FOLDED = {_fold(form): number for form, number in _EXACT.items()}
