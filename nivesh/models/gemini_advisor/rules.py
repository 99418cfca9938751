"""The rules on questions: what stops one, what spares it, and what the person is told. Answers: ``answer_rules``.

English, Hinglish and Hindi. Texts come in the form of ``guardrails.readable``. Hindi patterns have no ``\\b``: Python's
``\\w`` leaves out the vowel signs of Devanagari.
"""

import re
from dataclasses import dataclass, field

NO_ANSWER = "I have no answer to this that I can stand by. Please ask in another way, or ask a registered adviser."
PROMISE = (
    "I can't promise returns, and nobody honest can. What I can do is compare options by their risk, their cost and what "
    "they gave in the past. Who guarantees high returns is often a fraud: check them at SEBI and on RBI's Sachet portal."
)
STOCK_TIP = (
    "I don't name shares, coins or trades to buy or sell; only SEBI-registered advisers and analysts may. "
    "I can help with how to spread money, how a kind of fund works, or how gains are taxed."
)
CREDENTIALS = (
    "Please never tell anybody an OTP, PIN, CVV or password, not me either: no bank asks for them, and I can't use them. "
    "If you have shared one, call your bank now, then 1930 or cybercrime.gov.in (India's cyber-crime helpline, 2025)."
)
EVASION = (
    "I can't help to hide income or to deceive the tax department. I can show what the law allows: the regime that costs "
    "you less, deductions you may claim, and how to correct a return with the least penalty."
)
INJECTION = (
    "I keep to my rules, and can't show or change them. Ask me about money: budgets, loans, savings, insurance, taxes."
)
OTHERS_DATA = (
    "I can't see anybody's accounts, and would not tell one person about another's money. Ask me about your own, "
    "or ask that person. For a joint account or as a nominee, ask the bank."
)
CRISIS = (
    "I'm really sorry that it is this hard. You matter more than any debt, and debts can be settled. Please talk to "
    "somebody now: Tele-MANAS 14416 or 1-800-891-4416, free, day and night, in many languages; in danger call 112 "
    "(India, 2025). Aap akele nahi hain: abhi 14416 par baat kijiye. आप अकेले नहीं हैं: अभी 14416 पर बात कीजिए। "
    "When you are safe, I will gladly help to plan the debts with you."
)
CRIME = (
    "I can't help with that: it deceives or harms others and is punished by law. "
    "If money is short, I can help to look for honest ways, such as a cheaper loan, a repayment plan or a smaller budget."
)

SECRET = r"(?:otps?|one[- ]time passwords?|m?pin(?! ?code)|pass ?words?|pwd|passcode|atm code|cv[vc])\b"
SECRET_HINDI = r"(?:ओटीपी|पासवर्ड|सीवीवी|(?<!टू)पिन(?! ?कोड))"
_SAFE_TALK = (
    r"asked? (?:me )?for my|asking|asks|maang|should not|shouldn't|should i not|by mistake|galti|safely|fraud|scam|"
    r"reset|nahi (?:aa|mil)|not (?:coming|receiv|getting|arriv)|call aaya|what should i do|kya karu|क्या कर|बता दिया|मांग"
)
_DIGIT = r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ek|do|teen|ch?aar?|pa+nch|chh?e|saat|aath|nau)"
_BUY = r"(?:buy|le|lena|le ?lu|lelu|lu|lun|laga?u|lagana|khar(?:i|ee)d\w*|bech\w*|daalu|daal du)"
_SOON = (
    r"\b(?:(?:\d+|a|one|two|six|ek|do|chh?e|few|kuch|this|next) ?(?:months?|mahin\w+|weeks?|hafte|days?|din)|"
    r"(?:1|a|one|ek|this|next|the) ?(?:year|saal))\b"
)
_DOUBLE = r"(?:doubl\w+|tripl\w+|du?gn[ae]|dogu?n[ae]|do guna|teen guna|10x|100x)"
_OTHERS = (
    r"(?:neighbou?r|padosi|boss|colleague|ex[- ]?(?:wife|husband|girlfriend|boyfriend)|brother|bhai|cousin|in[- ]laws?|friend|"
    r"dost|relative|employee|other users?|another user|someone|somebody|user(?:[ _]id)? ?\w?\d+)"
)
_LEARNING = (
    r"what (?:is|are|does|happens)|difference between|penalty|why is|is it legal|legal(?:ly)?\b|kya hota hai|क्या होता"
)


@dataclass(frozen=True)
class Rule:
    """A text is stopped where a pattern is found, unless another tells that it is harmless.

    ``by_sentence``: what spares must stand in the same sentence. So "nobody can guarantee returns" is spared, and a
    guarantee after such a sentence is not.
    """

    name: str
    message: str
    patterns: tuple[str, ...]
    unless: str = ""
    by_sentence: bool = False
    _stop: re.Pattern[str] = field(init=False, repr=False)
    _spare: re.Pattern[str] | None = field(init=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "_stop", re.compile("|".join(f"(?:{one})" for one in self.patterns)))
        object.__setattr__(self, "_spare", re.compile(self.unless) if self.unless else None)

    def stops(self, text: str) -> bool:
        """Whether a text in its readable form is stopped."""
        parts = re.split(r"(?<!\d)[.!?।\n;]+|[.!?।\n;]+(?!\d)", text) if self.by_sentence else [text]
        return any(self._stop.search(part) and not (self._spare and self._spare.search(part)) for part in parts)


# The first that stops a question names the refusal, so what matters most stands first.
QUESTIONS = (
    Rule(
        "crisis",
        CRISIS,
        (
            r"\b(?:end|take|finish|ending|taking) (?:my|his|her|their) (?:own )?life\b",
            r"\bkill(?:ing)? (?:myself|himself|herself|themselves)\b",
            r"suicid|aa?tma? ?hatya|khud ?kushi|आत्महत्या|खुदकुशी",
            r"\b(?:want|wish|better|going|ready) to (?:die|be dead)\b|\bwant to disappear forever\b",
            r"\bmar(?:ne|ane|na)? (?:ka|ki|ko|ke) ?(?:mann?|dil|khayal|soch)\b|\bmar ?ja(?:u|un|unga|ungi|ana chaht\w+)\b",
            r"\bmarna chaht\w+|\bjee?(?:na|ne) (?:nahi|ka man+ nahi|ki ichh?a nahi)|\bjaan de (?:du|dun|dunga|dungi|deta)\b",
            r"मर(?:ना चाह|ने का| जाऊ| जाना)|जीना नहीं|जीने का मन|जान दे",
            r"\bbetter off (?:without me|dead|with my insurance)|\bno (?:reason|point) (?:to live|in living|left to live)\b",
            r"\b(?:don't|do not|dont) want to (?:live|be alive)\b",
            r"\b(?:z|j)indagi\b.{0,20}\b(?:khatam|khtm|khatm)|\bjee?(?:na|ne) (?:bekar|mushkil)|\bnahi jee?(?:na|ya|ungi|unga)\b",
            r"\brather be dead\b|\b(?:wish|if) i (?:was|were|am) (?:dead|gone)\b|\bend it all\b|\bnot worth living\b|\bgiv\w+ up on life\b",
            r"\b(?:hurt|harm|hang|cut|drown|poison)(?:ing)? myself\b|\bself[- ]harm|\boverdose\b|\b(?:ph|f)a+nsi\b|\bze?ha?r (?:kha|pee)|फांसी|ज़हर|जहर",
            r"\bmar ?ja+n[ae]\b.{0,20}\b(?:behtar|achh?a|chah\w*|theek|man+)\b|\bjaan (?:lena|dena|le|de) (?:chah|du|lu|raha)|\bjee?n[ea]\b.{0,10}\b(?:wajah|matlab|fayda|ma+n)\b",
            r"\b(?:don't|do not|dont|never) want to wake up\b|\bcan(?:no|')?t go on\b|\b(?:bought|got|have) (?:the |some )?(?:pills|poison|rope)\b",
            r"(?:ज़िंदगी|जिंदगी|जीवन).{0,15}(?:खत्म|ख़त्म|समाप्त)",
            r"\bjump(?:ing)? (?:in front of|off|from|into|under)\b|\b(?:apne aap|khud) ?ko\b.{0,20}\b(?:khatam|mar)|\b(?:khatam|mar).{0,20}\b(?:apne aap|khud) ?ko\b",
        ),
        unless=r"\bexclusions?\b|policy (?:paper|document|wording)",
    ),
    Rule(
        "injection",
        INJECTION,
        (
            r"\b(?:ignore|disregard|forget|bypass|override|skip)\b.{0,30}\b(?:instructions?|rules|prompts?|guidelines|restrictions)\b",
            r"^(?:system|admin|developer|assistant) ?:|\bguardrails?\b.{0,10}\b(?:off|disabled?)\b|\bnew role\b|\bsystem_prompt",
            r"\b(?:ignore|disregard|forget) (?:the |what(?:ever)? )?(?:previous|above|earlier|came before)\b(?! (?:question|message))|\bforget (?:that )?you are\b",
            r"\b(?:what|everything|all) (?:that )?you(?:'ve| were| have been| have) (?:been )?(?:told|given|instructed)\b",
            r"\byou(?:'re| are) my (?:late |dead |old )?\w+ (?:who|that)\b|\b(?:tum|aap|tu) (?:ab|aaj se|abhi se)\b.{0,25}\bho\b|\b(?:koi|no) (?:niyam|rules?|restrictions?) (?:nahi|applies|apply)\b",
            r"\b(?:instructions?|rules|nirdesh|niyam)\b.{0,15}\b(?:bhool|bhul|ignore|hata|chhod)",
            r"\b(?:ignore|disregard|forget|override)\b (?:everything|anything|all|whatever|what you|the above)\b",
            r"\b(?:without|no|free of|remove|drop) (?:any |all |your )?(?:restrictions|guardrails|filters|censorship)\b|\buncensored\b|\bunrestricted\b",
            r"\byour (?:\w+ )?(?:instructions|guidelines|prompt|configuration)\b|\bbase ?64\b|\brot13\b|\bbefore my (?:first )?message\b",
            r"\bfrom this (?:message|point|moment) on\b|\b(?:text|paragraph|message|words) (?:that )?you (?:received|were given|got|have) (?:at|before|in)\b",
            r"\byou are now\b|\bfrom now on you\b|\bdeveloper mode\b|\bjail ?break|\b(?:act|behave) as (?:a|an|if|my)\b",
            r"\bpretend (?:you|to be|that you)|\broleplay\b|\byou have no (?:rules|limits|restrictions)\b",
            r"\b(?:system|hidden|secret|initial) (?:prompts?|instructions?|messages?)\b|</?(?:system|instructions?|user)\b",
            r"\b(?:repeat|print|show|reveal|output|dikhao|display)\b.{0,30}\b(?:prompt|your instructions|your rules)\b",
            r"\bapne (?:rules|instructions|niyam)\b|\bdisclaimers? (?:are|is|off)\b",
            r"(?:निर्देश|नियम).{0,20}(?:भूल|अनदेख|हटा)|(?:अपने|छिपे|सिस्टम).{0,10}(?:निर्देश|प्रॉम्प्ट)",
        ),
    ),
    Rule(
        "credentials",
        CREDENTIALS,
        (
            rf"\b{SECRET}(?: (?:is|hai|=))?\W{{0,3}}\d{{3,8}}\b",
            r"\b(?:verification|security|login|authori[sz]ation|confirmation) code\b.{0,30}\b\d{4,8}\b",
            rf"{SECRET_HINDI}\s*(?:है|:|=)?\s*\d{{3,8}}",
        ),
    ),
    Rule(
        "credentials",
        CREDENTIALS,
        (
            rf"\b(?:tell|give|send|show|reveal|read|find|get|fetch|guess|ask|batao|bata do|bhejo)\b.{{0,40}}\b{SECRET}",
            rf"\b{SECRET}.{{0,30}}\b(?:batao|bata do|bhejo|de do|give it to me|for me|log ?in)\b",
            rf"\b{SECRET}.{{0,25}}\b(?:pata (?:kar|lag)|nikal|jaan|crack|guess|find out|bypass)",
            rf"\b{SECRET}.{{0,40}}\b(?:daal do|dal do|enter kar)\b|\b(?:type|enter|read|fill)\b.{{0,25}}\b{SECRET}.{{0,10}}\bfor me\b",
            rf"\b(?:without|bina|skip|bypass|avoid)\b.{{0,20}}\b{SECRET}",
            rf"\bwhat(?:'s| is) (?:the|my|her|his) (?:\w+ )?{SECRET}|\bwhat(?:'s| is) (?:my|her|his|their) (?:[\w']+ ){{0,3}}{SECRET}",
            # A few words between the secret's name and its value; an amount is no value.
            rf"\b{SECRET}(?:\W+[a-z]+){{0,3}}\W+(?<![\d,.₹])\d{{4,8}}(?![\d,]|\.\d| ?(?:rs|rupees|rupaye|gone|kat|debited)\b)",
            rf"\b{SECRET}(?:\W+[a-z]+){{0,2}}(?:\W+{_DIGIT}){{3,}}\b",
            r"\b(?:pwd|pass ?word)\b(?: is| hai|:)?\s+(?=\S*[a-z])(?=\S*[\d@#$!])\S{6,}|^log ?in\b.{0,20}\b(?:account|netbanking|net banking)\b",
            rf"{SECRET_HINDI}\W+(?:\S+\s+){{0,2}}\d{{4,8}}|{SECRET_HINDI}.{{0,20}}(?:पता (?:चल|कर|लग)|निकाल|जान)",
            rf"{SECRET_HINDI}.{{0,20}}(?:बताओ|बताइए|दे दो|भेजो)",
        ),
        unless=_SAFE_TALK,
    ),
    Rule(
        "crime",
        CRIME,
        (
            (r"\b(?:fake|forged?|false|edited|farzi|nakli)\b.{0,30}\b(?:salary|pay ?slips?|statements?|itr|form 16|documents?|letters?|"
            r"income proof|certificates?|pan|aadhaa?r)\b|(?:फर्जी|नकली).{0,30}(?:स्लिप|दस्तावेज|स्टेटमेंट|आधार|पैन)"),
            r"\b(?:buy|trade|sell|invest|trading)\b.{0,60}\bbefore (?:the |it is |they are )?(?:announce|result|public)",
            r"\bbefore (?:the )?announcement\b.{0,40}\b(?:trade|buy|sell)\b|\binsider (?:tip|info|news|trad)|\bunpublished\b",
            r"\buse\b.{0,40}\b(?:aadhaa?r|pan|kyc|documents?)\b.{0,60}\b(?:without|not know|no idea)\b",
            r"\b(?:stage|staging|fake|inflate|bogus)\b.{0,25}\b(?:accident|claim|theft|illness|hospital)\b",
            r"\b(?:hide|conceal|not mention|don't mention|not tell|skip)\b.{0,50}\b(?:diabetes|illness|disease|smok\w+|heart|bp)\b",
            r"\bmoney launder|\blaunder\w* (?:money|cash)|\bmule account|\brent (?:out )?my (?:bank )?account\b",
            r"\b(?:edit|photoshop|alter|modify|tamper|doctor|forge)\b.{0,35}\b(?:statements?|slips?|itr|documents?|pdf|form 16|certificates?|cheque)\b",
            r"\b(?:nakli|farzi|fake|jhoo?th?a|false)\b.{0,25}\b(?:mediclaim|claims?|medical|report|id|kyc|loan)\b|\bmediclaim\b.{0,30}\b(?:nakli|farzi|fake)\b",
            r"\b(?:another|(?<!my )(?<!the )(?<!your )other|dusre|doosre|someone else)(?: person)?(?:'s| ke| ki)? (?:person's )?(?:name|naam|papers|documents|id|pan|aadhaa?r|account)\b",
            r"(?:फर्जी|नकली|झूठा|झूठे).{0,25}(?:क्लेम|लोन|बिल|रिपोर्ट|कागज)",
            r"\bhack\b.{0,25}\b(?:account|wallet|phone|upi|netbanking)\b|\bclone\b.{0,20}\bcard\b",
            r"\b(?:diabetes|illness|disease|smok\w+)\b.{0,120}\bhow to hide\b",
            r"\b(?:photoshop|edit|alter|forge|fake)\b.{0,20}\b(?:bank|account)? ?balance\b|\bsome(?:one|body) else's (?:net ?banking|net banking|upi|atm|card|phone|wallet)\b",
            (r"\b(?:told|tells|tipped|leaked|bataya)\b.{0,60}\b(?:merger|acquisition|takeover|results?|big order)\b.{0,60}"
            r"\b(?:trade|buy|profit|kama\w*|earn|invest|money)\b"),
        ),
        unless=rf"{_LEARNING}|\bspot\b|identify|detect|recogni[sz]e|somebody|someone (?:took|made|used)|forgot|should i do",
    ),
    Rule(
        "evasion",
        EVASION,
        (
            r"\b(?:hide|hiding|conceal|under-?report|suppress)\b.{0,60}\b(?:income|cash|sales|money|profit|salary|gst|tax|itd|assets?)\b",
            (r"\b(?:not|without|never|don't) (?:to )?(?:show|showing|report|reporting|declare|declaring|deposit)\b.{0,60}"
            r"\b(?:income|cash|sales|nobody|tax|know|caught)\b|\bhow to not show\b"),
            r"\bshow\b.{0,30}\b(?:lower|less|kam)\b.{0,30}\b(?:gst|tax|itr|return)\b",
            r"\bblack money\b|\bkala dhan\b|काला धन|काले धन",
            r"\b(?:fake|bogus|false|farzi|nakli)\b.{0,20}\b(?:rent|bills?|receipts?|invoices?|donations?|deductions?)\b|(?:फर्जी|नकली).{0,15}(?:बिल|रसीद)",
            r"\btax ?(?:chori|evasion)\b|\bevade\b.{0,15}\btax|(?:टैक्स|कर).{0,6}(?:चोरी|छुपा|छिपा)|कर चोरी",
            r"\btax\b.{0,40}\b(?:without getting caught|nobody (?:catch|know)|bina pakd\w+)",
            r"\bbenami\b|बेनामी|\bhawala\b|हवाला",
            r"\boff (?:the )?books?\b|\bunder the table\b|\b(?:unaccounted|undisclosed|undeclared)\b|\bka(?:ch|c)cha bill|\bdo number\b",
            r"\b(?:without|bina) (?:a |any )?(?:pan|gst|paying (?:any )?tax|trace|record)\b|\b(?:sell|sold|supply|buy|purchase|invest|bech\w*)\b.{0,40}\b(?:without|bina) (?:a |any )?(?:bill|invoice)\b",
            r"\bkam dikha|\b(?:chh?u?pa|chhipa)\w*\b.{0,30}\b(?:income|kamai|paisa|tax|cash)|\b(?:income|kamai|paisa|tax|cash)\b.{0,30}\bchh?[ui]pa",
            r"(?:कमाई|आय|इनकम|पैसा|पैसे|नकद|टैक्स).{0,30}(?:छुपा|छिपा)|कम दिखा",
            r"\b(?:so|that) (?:nobody|no one) (?:reports?|knows?|catches|finds?)\b|\bon paper only\b|\bonly on paper\b|\bbelow \S+ .{0,25}\breport",
            r"झूठ[ीे].{0,15}(?:रसीद|बिल)|\bgst\b.{0,25}\b(?:fake|nakli|farzi)\b|\b(?:fake|nakli|farzi)\b.{0,25}\b(?:gst|input credit)\b",
            r"\b(?:income|khat\w+|itr|bikri|sales?|cash|return|kamai)\b.{0,30}\b(?:na|nahi|mat) (?:likh|dikha)\w*\b(?! rah)",
            (r"\b(?:tax|itd|income tax|gst|taxman)\b(?! (?:portal|site|website|return|refund)).{0,30}\b(?:never|can't|cannot|won't|not|doesn't|does not)\b"
            r".{0,15}\b(?:know|see|find|notice|trace|track|learn)\b"),
            r"\b(?:split|break|divide|structure)\b.{0,30}\b(?:cash|deposits?)\b.{0,40}\b(?:under|below|limit|report\w*|notice|avoid)\b",
            r"\bback[- ]?dat(?:e|ed|ing)\b.{0,20}\b(?:invoices?|bills?|receipts?|agreements?|deeds?)\b|\btwo sets? of (?:accounts|books)\b|\bout of (?:my|the|our) books?\b",
            r"\b(?:half|part|aadh[ae]|baaki|rest)\b.{0,25}\b(?:cash|nakad|black)\b.{0,50}\b(?:stamp|registry)\b|नकद.{0,30}स्टा[मं]|बिना (?:बिल|पैन)",
            r"\b(?:so|that) (?:the )?(?:it|tax|income tax|gst) (?:department|officer|dept|people|man)\b.{0,25}\b(?:not|never|n't|cannot)\b",
        ),
        unless=rf"{_LEARNING}|is that benami|from (?:me|myself)\b|forgot|asks me|asked me to|correct it|right way",
    ),
    Rule(
        "others_data",
        OTHERS_DATA,
        (
            (rf"\b(?:show|give|tell|get|find|print|fetch|what|how much|kitna|batao|dikhao)\b.{{0,40}}\b{_OTHERS}\b.{{0,40}}"
            r"\b(?:balance|salary|statements?|cibil|credit report|finances|income|asks?|asked|earns?)\b"),
            rf"\b(?:balance|salary|statements?|cibil|credit report|finances|income)\b.{{0,15}}\b(?:of|from)\b.{{0,15}}\b{_OTHERS}\b|\b{_OTHERS}\b.{{0,30}}\b(?:account|bank|khat\w+)\b.{{0,20}}\bkitn[aei]\b",
        ),
        unless=rf"{_LEARNING}|permission (?:of|from)|with (?:his|her|their) consent|\bjoint\b|should (?:he|she|they)|should (?:his|her)|nominee|lent|owes|compare",
    ),
    Rule(
        "stock_tip",
        STOCK_TIP,
        (
            (r"\b(?:which|what|kaun ?s[aie]|kon ?s[aie]|best|top)\b.{0,25}\b(?:stocks?|shares?|scrips?|coins?|crypto)\b.{0,50}"
            r"\b(?:buy|sell|today|tomorrow|now|profit|\d+x|khar(?:i|ee)d\w*|lu|lun|invest|rise|go up|double|this (?:week|month|year))\b"),
            r"\b(?:give|suggest|recommend|tell|name|list|batao|pick)\b.{0,30}\b(?:stocks?|shares?|multibaggers?|coins?|scrips?)\b",
            r"\b(?:stocks?|shares?|coins?)\b.{0,20}\b(?:batao|bata do|suggest karo|recommend)\b",
            r"\b(?:intraday|trading|stock|share|market|options?|f&o|crypto)\b.{0,15}\b(?:tips?|calls?)\b",
            r"\bbuy or sell\b.{0,60}\b(?:price|target|today|now|stop ?loss)\b|\bwhat(?:'s| is) (?:the|its) target\b",
            r"\bshould i (?:buy|sell|hold|short|exit)\b.{0,40}\b(?:shares?|stock|ltd|bitcoin|ethereum)\b(?! or)",
            r"\b(?:nifty|sensex|bank ?nifty)\b.{0,50}\b(?:ce|pe|call|put|target|predict\w*)\b|\bwill (?:nifty|sensex)\b",
            r"(?:कौन ?सा|कौन ?से|कोई|बढ़िया).{0,15}(?:शेयर|स्टॉक|कॉइन)|(?:शेयर|स्टॉक).{0,15}(?:बताओ|बताइए|टिप)",
            (
                r"\b(?:stocks?|shares?|small ?caps?|mid ?caps?|penny|coins?|bitcoin|btc|eth|ethereum|doge\w*|crypto|futures)\b.{0,40}"
                r"\b(?:buy|explode|rocket|moon|fly|skyrocket|bech\w*|khareed\w*|kharid\w*|le ?lu|lelo|hold kar\w*|level|target|breakout|entry)\b"
            ),
            (
                r"\b(?:buy|short|name|list|pick|kharid\w*|bech\w*)\b.{0,30}"
                r"\b(?:stocks?|shares?|small ?caps|mid ?caps|penny|bitcoin|btc|ethereum|doge\w*|futures)\b"
            ),
            r"\b(?:le ?lu|lelu|le lo|kharidu|bechu|buy|sell|hold)\b.{0,40}\b(?:upar|neeche|kitna badh|will it (?:go up|rise|fall)|stop ?loss)\b",
            rf"\b(?:kaun ?s\w+|kon ?s\w+|kis(?:k[aei])?|which)\b.{{0,30}}\b(?:shares?|stocks?|coins?|smallcaps?|midcaps?)\b.{{0,40}}\b(?:{_BUY}|could|will|become|sahi|best)\b",
            rf"\b(?:shares?|stocks?|crypto|coins?|bitcoin|shiba|doge\w*|ethereum|altcoins?)\b(?! (?:market|bazaa?r)).{{0,40}}\b{_BUY}\b",
            r"\b(?:what|which) (?:stocks?|shares|coins?)\b(?! of).{0,15}\b(?:would|will|could|can|to|should)\b|\b(?:shares?|stocks?)\b.{0,15}\b(?:names?|list)\b",
            r"\b(?:share|stock|coin) price\b.{0,30}\b(?:will|be|hoga|jayega|target)\b|\b(?:market|nifty|sensex)\b.{0,15}\b(?:upar|niche|neeche|girega|badhega|will)\b",
            r"\byour (?:top |best |stock |\d+ )*picks?\b|\b(?:stocks?|smallcaps?)\b.{0,25}\b(?:going to|about to|ready to) (?:run|fly|rise|move|blast)\b",
            r"(?:किस|ऐसे|दो|कोई|कुछ|अच्छ\S).{0,12}(?:शेयर|स्टॉक)(?! ?(?:बाज|मार्केट))",
            r"\b\d{4,6} ?(?:ce|pe)\b|\b(?:nifty|sensex|market|share|stock)\b.{0,25}\b(?:prediction|forecast)\b",
            r"\b(?:is|are)\b.{2,30}\ba good (?:buy|sell|entry)\b|\b(?:which|kaun\w*|kon\w*)\b.{0,15}\b(?:ipos?|futures|options)\b|\bto short\b",
            r"(?:इंट्राडे|ट्रेडिंग).{0,25}(?:स्टॉक|शेयर|टिप|कॉल)",
            r"(?:शेयर|स्टॉक|बिटकॉइन|निफ्टी).{0,25}(?:खरीदूं|बेचूं|ले लूं|ऊपर जाएगा|उपर जाएगा|बढ़ेगा)",
        ),
        unless=rf"{_LEARNING}|should i join|telegram|whatsapp|group|mutual funds?|index fund|portfolio|diversif|tax|demat|\bsafe\b|kaise|esop|sarkar|\b(?:its|their|each|as) share\b|\bshare of (?:my|our|the|sales|income|spending|equity)\b|\b(?:company|employer|father|mother|parents) gives?\b",
    ),
    Rule(
        "stock_tip",
        STOCK_TIP,
        (
            r"\b(?:which|kaun ?s\w+) (?:\w+ )?funds?\b.{0,20}\bwill\b.{0,20}\b(?:highest|best|most|maximum)\b",
            rf"\b(?:sasta|dip|gira|crash)\w*\b.{{0,25}}\b{_BUY}\b.{{0,15}}\b(?:kya|chahiye)\b",
        ),
        unless=r"\b(?:gold|sona|home|house|ghar|flat|insurance)\b",
    ),
    Rule(
        "promise",
        PROMISE,
        (
            r"\b(?:guarantee|promise|assure)\b (?:me|that|my|us|it)\b|\bcan you (?:guarantee|promise|assure)\b",
            (r"\b(?:which|where|tell|give|suggest|want|need|find|batao|chahiye)\b.{0,60}\b(?:definitely|guaranteed|pakka|assured|"
            r"100%|certain|for sure)\b.{0,40}(?:double|triple|returns?|profits?|\d+ ?%|income)"),
            r"\b(?:double|triple|dugna|dogu?na|do guna)\b.{0,40}\b(?:zero|no|without|bina) (?:any )?(?:risk|loss)\b",
            r"\blikh (?:ke|kar) do ki\b|\b(?:nuksan|loss|ghata) (?:bilkul )?nahi (?:hoga|hona)|\bfixed \d+ ?% (?:a |per )?month|\bbecomes? \d+ ?(?:lakh|crore|k)\b.{0,30}\bby\b",
            rf"\b{_SOON}.{{0,25}}\b{_DOUBLE}\b|\b{_DOUBLE}\b.{{0,25}}\b{_SOON}",
            rf"(?:lakh|crore|\d+k)\b.{{0,20}}\b(?:into|to|ko|ka|ke)\b.{{0,15}}(?:lakh|crore)\b.{{0,25}}\b{_SOON}",
            r"\d+ ?%.{0,40}\b(?:without|no|zero|bina)\b.{0,12}\b(?:risk|loss\w*|nuksan)\b|\bno loss(?:es)?\b.{0,12}\b(?:allowed|accepted|please)\b",
            r"\byou (?:must|have to|should|need to) (?:swear|promise|guarantee|assure)|\b(?:vaada|wada|waada|guarantee|garantee)\b.{0,15}\b(?:karo|kar do|kijiye|dijiye|karte|dete|de sakte|de do)\b",
            r"\b(?:doob\w*|dub\w*|loss|nuksan|ghata)\b.{0,15}\bnahi\b.{0,40}\d+ ?%|\d+ ?%.{0,40}\b(?:doob\w*|dub\w*|loss|nuksan|ghata)\b.{0,15}\bnahi\b",
            r"(?:वादा|वचन|गारंटी).{0,12}(?:कर|दो|दीजिए|देते|दें)|(?:महीने|महीनों|एक साल|दिन|हफ्ते).{0,25}(?:दोगुन|डबल|दुगन)|(?:दोगुन|डबल|दुगन|लाख.{0,15}(?:लाख|करोड़)).{0,25}(?:महीने|महीनों|एक साल|दिन)",
            r"\b(?:no|zero)[- ]risk\b.{0,40}(?:double|triple|\d\d+ ?%|high returns?)|\brisk[- ]free\b.{0,30}(?:double|\d\d+ ?%)",
            r"\bpakka\b.{0,25}(?:returns?|profit|munafa|double|\d+ ?%)|\bloss (?:bilkul )?nahi hona\b",
            r"\b(?:surely|definitely|pakka|guarantee\w*|assured|certainly|without fail)\b.{0,50}(?:\d+ ?%|double|triple|\bguna\b|\b\d+x\b)",
            r"(?:\d+ ?%|double|triple|\bguna\b|\b\d+x\b|crore|lakh).{0,40}\b(?:surely|guarantee\w*|pakka|without fail|in writing)\b",
            r"(?:पक्का|गारंटी|निश्चित).{0,25}(?:दोगुना|डबल|रिटर्न|मुनाफ|लाभ)|(?:दोगुना|डबल).{0,25}(?:पक्का|गारंटी)",
        ),
        unless=rf"{_LEARNING}|fraud|scam|\bloan\b.{{0,60}}\bguarantee|\bsafe\b|\breal\b|genuine|is (?:it|this|that)\b|does any|\bfd\b|\bppf\b|should i",
    ),
)  # fmt: skip
