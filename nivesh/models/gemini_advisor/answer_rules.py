"""The rules on answers: what the model must not say, and what spares a sentence that only looks like it."""

from nivesh.models.gemini_advisor.rules import NO_ANSWER, SECRET, SECRET_HINDI, Rule

_CLAIMED = (
    r"\b(?:nobody|no one|none of|beware|stay away|wary|fraud|ponzi|scam|illegal|unlikely|claims (?:to|of|that)|promises?|assures|offers|"
    r"anyone|anybody|somebody|someone|koi bhi)\b|कोई भी|धोखा"
)
_DENIED = (
    rf"{_CLAIMED}|\b(?:no|not|none|never|neither|nor|cannot|can't|don't|doesn't|isn't|aren't|won't|without|avoid|if|nahi|nahin|mat)\b"
    r"(?! (?:worry|fear|miss|any risk|risk|lose))|n't\b(?! (?:worry|lose))|नहीं|मत"
)
# A bank, an insurer or the state may promise its own product's rate; what is not paid on a loan is certain.
_PRODUCT = (
    r"\b(?:government|govt|sarkar\w*|bank|banks|fds?|fixed deposits?|ppf|scss|nsc|kvp|ssy|insurer|insured|sum assured|annuity|pension|"
    r"post office|epf|bonds?|endowment|polic(?:y|ies)|prepay\w*|loan)\b|सरकार|बैंक|पीपीएफ|एफडी|डाकघर|बॉन्ड"
)
_GAIN = r"(?:returns?|profits?|gains?|doubl\w+|tripl\w+|\d+ ?%|crore)"

ANSWERS = (
    Rule(
        "answer_promise",
        NO_ANSWER,
        (
            r"\b(?:guaranteed?|assured|risk[- ]free|100% safe)\b.{0,30}(?:returns?|profits?|double|\d+ ?%)",
            r"\breturns? (?:of \S+ )?(?:are|is) (?:guaranteed|assured|certain)\b",
            r"\b(?:double|triple) your money\b",
        ),
        unless=f"{_DENIED}|{_PRODUCT}",
        by_sentence=True,
    ),
    # Here a "no" or an "if" spares nothing: "no risk", "you cannot lose", "if you invest today you will surely …".
    Rule(
        "answer_promise",
        NO_ANSWER,
        (
            rf"\b(?:without|no|zero) (?:any )?(?:risk|chance of (?:a |any )?loss)\b.{{0,40}}(?:{_GAIN}|\b(?:scheme|fund)\b)",
            rf"{_GAIN}.{{0,40}}\b(?:without|no|zero) (?:any )?(?:risk|chance of (?:a |any )?loss)\b",
            r"\b(?:certain|sure|bound|guaranteed|assured) to (?:double|triple|grow|rise|earn|give|return|beat)\b",
            r"\b(?:will|shall) (?:definitely|surely|certainly|always)\b.{0,30}(?:double|grow|rise|earn|give|profit|get \S*\d|make \S*\d)",
            rf"\b(?:will|shall)\b.{{0,40}}{_GAIN}.{{0,25}}\b(?:for sure|without fail|guaranteed)\b|\bsure thing\b",
            r"\b(?:i|we) (?:guarantee|promise|assure)\b(?! to\b)|\b(?:you )?(?:cannot|can't|will not|won't|never) lose (?:any |your )?(?:money|with|in)\b",
            rf"\b(?:completely|totally|100%|absolutely) safe\b.{{0,40}}{_GAIN}",
            rf"\bpakka\b.{{0,25}}(?:{_GAIN}|munafa)|{_GAIN}.{{0,20}}\bpakka\b",
            r"(?:पक्का|पक्के|गारंटी|निश्चित).{0,30}(?:रिटर्न|मुनाफ|दोगुन|%)|(?:रिटर्न|दोगुन|मुनाफ|%).{0,25}(?:पक्का|पक्के|गारंटी|निश्चित)",
        ),
        unless=rf"{_CLAIMED}|{_PRODUCT}|\b(?:i|we) (?:can't|cannot|do not|don't) (?:guarantee|promise|assure)|नहीं|\bnahin?\b",
        by_sentence=True,
    ),
    Rule(
        "answer_stock_tip",
        NO_ANSWER,
        (
            r"\b(?:buy|sell|accumulate|short|hold)\b.{0,25}\b(?:shares?|stock) of\b|\b(?:strong|conviction|good|great) (?:buy|sell|short)\b|\bmultibagger",
            r"\b(?:buy|sell|accumulate|short)\b [\w&. ]{2,30}\b(?:shares?|stock|ltd)\b.{0,30}\b(?:now|today|at|target|for)\b",
            r"\b(?:recommend|suggest|advise)\b.{0,20}\b(?:buy|sell)(?:ing)?\b.{0,40}\b(?:shares?|stock)\b|\b(?:top|best|my) (?:stock |share )?picks?\b",
            r"\b(?:target price|price target|stop ?loss)\b.{0,12}(?:₹|rs\.? ?|at |of |is )\d|\bbuy\b.{0,60}\btarget\b.{0,12}\d|\bsure ?shot\b",
            r"\b(?:buy|short|sell)\b (?!(?:term|health|life|car|the) )[\w&, ]{2,40}\b(?:now|today|tomorrow|this week)\b",
            r"\b(?:put|invest|buy)\b.{0,30}\b(?:bitcoin|crypto\w*|ethereum|dogecoin)\b",
            r"\b(?:shares?|stock)\b.{0,20}\b(?:khar(?:i|ee)d|bech|le) ?(?:lo|lijiye|do|dalo|dijiye)\b|(?:शेयर|स्टॉक).{0,15}(?:खरीद|बेच|ले) ?(?:लो|लें|लीजिए|दो|दें|दीजिए)",
        ),
        unless=rf"{_DENIED}|\b(?:vest\w*|esops?|insurance|cover|house|home|flat|bonds?|your company|employer)\b",
        by_sentence=True,
    ),
    Rule(
        "answer_credentials",
        NO_ANSWER,
        (
            rf"\b(?:share|send|tell|give|type|provide|reply with|bata|bhej)\w*\b.{{0,25}}\b(?:your|the|me|apna|apni)\b.{{0,15}}\b{SECRET}",
            rf"\b(?:enter|type)\b.{{0,15}}\b{SECRET}.{{0,25}}\b(?:here|below|in this chat)\b|\bwhat(?:'s| is) your\b.{{0,20}}\b{SECRET}",
            rf"\b(?:apna|apni|aapka|aapki)\b.{{0,10}}\b{SECRET}.{{0,15}}\b(?:bhej|bata|likh|dijiye|do\b|de\b)|\b{SECRET} (?:bhejo|bhejiye|batao|bataiye)\b",
            rf"{SECRET_HINDI}.{{0,15}}(?:बताइए|बताओ|भेज|साझा)",
        ),
        unless=rf"{_DENIED}|asks",
        by_sentence=True,
    ),
    Rule(
        "answer_evasion",
        NO_ANSWER,
        (
            r"\b(?:hide|conceal|under-?report|don't (?:show|report|declare)|do not (?:show|report|declare))\b.{0,40}\b(?:income|cash|money|tax|sales)\b",
            r"\b(?:fake|bogus|back-?dated) (?:rent|bills?|receipts?|invoices?|salary|agreements?)\b",
            r"\bcash\b.{0,40}\b(?:never|not|doesn't) (?:show|appear|come)\w*\b.{0,25}\b(?:books?|return|itr|records?)\b|\b(?:itr|return)\b.{0,15}\b(?:mat|na) dikha",
            r"\b(?:half|part)\b.{0,25}\bcash\b.{0,40}\b(?:save|avoid)\b.{0,15}\b(?:stamp|tax|gst)\b",
        ),
        unless=(
            r"\b(?:can't help|cannot help|illegal|penalty|offence|fraud|crime|never (?!shows?|appears?|comes?)|avoid (?!stamp|tax|gst)|punish\w*|"
            r"prosecut\w*|misreport\w*|if)\b|\b(?:not|n't|without|rather than|instead of) (?:to )?(?:hid|conceal|under-?report)"
        ),
        by_sentence=True,
    ),
)  # fmt: skip
