"""General knowledge of India's merchants, institutions, products and time words: for features and for augmentation.

Lists are comma-separated in lower case; they name what is widely known, and are no copy of any data's labels.
"""


def _items(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(item.split()) for item in text.split(",") if item.strip()))


SHOPS = _items("""
swiggy, zomato, blinkit, zepto, bigbasket, dunzo, instamart, swiggy instamart, jiomart, amazon, flipkart, myntra, ajio,
meesho, nykaa, snapdeal, tata cliq, firstcry, lenskart, purplle, mamaearth, pepperfry, urban ladder, ikea, croma,
reliance digital, vijay sales, reliance fresh, reliance trends, dmart, big bazaar, spencer's, more supermarket,
nature's basket, star bazaar, spar, lulu hypermarket, ratnadeep, vishal mega mart, shoppers stop, lifestyle, pantaloons,
westside, zudio, max fashion, zara, h&m, uniqlo, decathlon, nike, adidas, puma, bata, metro shoes, woodland, fabindia,
manyavar, biba, raymond, allen solly, van heusen, peter england, levi's, titan, tanishq, kalyan jewellers,
malabar gold, joyalukkas, caratlane, bluestone, pc jeweller, boat, noise, mi store, apple store, samsung store,
oneplus, asian paints, godrej interio, home centre, hamleys, crossword, archies, miniso, nykaa fashion, bewakoof,
souled store, wakefit, sleepwell, sugar cosmetics, forest essentials, kama ayurveda, amazon prime, amazon fresh,
flipkart minutes, country delight, milkbasket, licious, freshtohome, rollick, nandini, amul, mother dairy, khadi india
""")
FOOD = _items("""
domino's, dominos, pizza hut, kfc, mcdonald's, burger king, subway, starbucks, cafe coffee day, ccd, barista,
blue tokai, third wave coffee, chaayos, chai point, haldiram's, haldiram, bikanervala, sagar ratna, saravana bhavan,
adyar ananda bhavan, barbeque nation, paradise biryani, behrouz biryani, biryani by kilo, faasos, oven story, eatfit,
box8, wow momo, theobroma, monginis, karachi bakery, natural ice cream, baskin robbins, social, truffles, mtr,
vidyarthi bhavan, rameshwaram cafe, indian coffee house, taco bell, chili's, punjab grill, mainland china, la pino'z,
keventers, nirula's, udupi, toit, hard rock cafe, smoor, giani's, kwality walls, eatclub, magicpin, dineout, zomato gold
""")
TRAVEL = _items("""
uber, ola, rapido, namma yatri, blusmart, meru, zoomcar, irctc, indian railways, makemytrip, goibibo, yatra,
cleartrip, easemytrip, ixigo, redbus, abhibus, confirmtkt, oyo, treebo, fabhotels, airbnb, booking.com, agoda, taj hotels,
itc hotels, club mahindra, indigo, air india, vistara, spicejet, akasa air, air india express, goair, emirates, ksrtc,
msrtc, tsrtc, delhi metro, namma metro, mumbai metro, dmrc, bmtc, best, indian oil, indianoil, hpcl, bpcl, hp petrol pump,
bharat petroleum, hindustan petroleum, shell, reliance petrol, nayara, essar, jio-bp, bounce, yulu, vogo, chalo,
lufthansa, singapore airlines, intrcity, zingbus, thomas cook, cox & kings, sotc, nhai, fastag, park+, savaari
""")
SERVICES = _items("""
netflix, hotstar, disney+ hotstar, jiohotstar, prime video, sonyliv, zee5, jiocinema, spotify, gaana, jiosaavn, wynk,
youtube premium, apple music, icloud, google one, google play, app store, microsoft, adobe, chatgpt, openai, linkedin,
audible, kindle, tinder, bumble, bookmyshow, pvr, inox, pvr inox, cinepolis, paytm insider, dream11, mpl, steam,
playstation, xbox, airtel, jio, vi, vodafone, vodafone idea, bsnl, mtnl, act fibernet, hathway, tata play, tata sky,
dish tv, d2h, excitel, you broadband, jiofiber, airtel xstream, bescom, msedcl, mseb, tneb, tangedco, bses,
tata power, adani electricity, torrent power, uppcl, cesc, tpddl, kseb, apspdcl, bwssb, delhi jal board, bbmp, bmc,
mahanagar gas, indraprastha gas, igl, adani gas, gujarat gas, bharat gas, hp gas, indane, urban company, urbanclap,
justdial, nobroker, magicbricks, 99acres, housing.com, mygate, apollo pharmacy, apollo, pharmeasy, 1mg, tata 1mg, netmeds,
medplus, wellness forever, practo, mfine, cult.fit, cultfit, cure.fit, gold's gym, anytime fitness, fortis,
max hospital, manipal hospital, narayana health, aiims, medanta, kokilaben hospital, dr lal pathlabs, thyrocare,
metropolis, srl diagnostics, cloudnine, byju's, unacademy, vedantu, physics wallah, upgrad, coursera, udemy, simplilearn,
great learning, aakash institute, allen, fiitjee, whitehat jr, cuemath, toppr, kidzee, eurokids, dps, kendriya vidyalaya,
ignou, delhi university, iit bombay, vit, manipal university, amity, khan academy, duolingo, porter, delhivery, blue dart,
dtdc, india post, speed post, ekart, shadowfax, xpressbees, godaddy, aws, google cloud, github, zoom, dropbox, notion,
naukri, shaadi.com, bharat matrimony, bharatmatrimony, olx, quikr, cars24, spinny, cardekho, maruti, maruti suzuki, hyundai,
tata motors, mahindra, hero motocorp, honda, bajaj auto, tvs motors, royal enfield, ather, ola electric, toyota, kia,
mrf, ceat, gomechanic, jeevansathi, lybrate, portea, tata cliq luxury, vlcc, lakme salon, naturals, jawed habib, looks salon
""")
LENDERS = _items("""
bajaj finserv, bajaj finance, home credit, muthoot, muthoot finance, manappuram, manappuram finance, tata capital,
l&t finance, mahindra finance, aditya birla capital, aditya birla finance, hdb financial, hdfc ltd, lic housing,
lic housing finance, lic hfl, pnb housing, indiabulls, shriram finance, cholamandalam, sundaram finance, hero fincorp,
fullerton india, smfg india, piramal finance, iifl, iifl finance, kreditbee, moneytap, moneyview, navi, cashe, earlysalary,
fibe, paysense, lazypay, simpl, slice, uni, cred, avanse, credila, hdfc credila, propelld, svatantra, ujjivan, bandhan,
tvs credit, capri global, rupeek, zestmoney, stashfin, mpokket, kissht, true balance, lendingkart, indifi, poonawalla
""")
INSURERS = _items("""
lic, hdfc life, icici prudential, icici pru, sbi life, max life, tata aia, bajaj allianz, kotak life, aditya birla sun life,
pnb metlife, aegon life, bharti axa, exide life, star health, niva bupa, max bupa, care health, religare health,
manipal cigna, hdfc ergo, icici lombard, tata aig, new india assurance, oriental insurance, united india,
national insurance, reliance general, go digit, digit, acko, policybazaar, ditto, coverfox, insurancedekho, plum,
sbi general, royal sundaram, iffco tokio, cholamandalam ms, future generali, edelweiss tokio, liberty general, onsurity
""")
INVESTMENT_HOUSES = _items("""
zerodha, groww, upstox, angel one, angel broking, 5paisa, icici direct, hdfc securities, kotak securities, sharekhan,
motilal oswal, paytm money, dhan, fyers, kuvera, coin, smallcase, indmoney, et money, scripbox, jar, gullak, wint wealth,
grip invest, jiraaf, goldenpi, nse, bse, cdsl, nsdl, cams, kfintech, karvy, sebi, amfi, hdfc mutual fund, hdfc amc,
sbi mutual fund, axis mutual fund, icici prudential mutual fund, nippon india, mirae asset, parag parikh, ppfas,
quant mutual fund, dsp, uti, franklin templeton, kotak amc, tata mutual fund, edelweiss, vested, wazirx, coindcx,
coinswitch, binance, safegold, mmtc pamp, augmont, stable money, epfo, nps trust, income tax department, incometax, gstn
""")
PEOPLE_PAY = _items("""
infosys, tcs, wipro, hcl, tech mahindra, cognizant, accenture, capgemini, ibm, deloitte, google, reliance, tata steel,
larsen & toubro, ltimindtree, mphasis, oracle, sap, ey, kpmg, pwc, genpact, flipkart internet, razorpay, upwork, fiverr,
western union, remitly, wise, moneygram, paypal, payoneer, xoom, tesco, walmart, costco, target, aldi, lidl, ikea uk
""")
BANKS = _items("""
sbi, state bank of india, state bank, hdfc, hdfc bank, icici, icici bank, axis, axis bank, kotak, kotak mahindra bank,
kotak bank, yes bank, indusind, indusind bank, idfc first, idfc first bank, idfc, rbl, rbl bank, federal bank, south indian bank,
karur vysya bank, kvb, city union bank, karnataka bank, dcb bank, bandhan bank, au small finance bank, au bank,
equitas, ujjivan bank, jana bank, pnb, punjab national bank, bank of baroda, bob, canara, canara bank, union bank,
union bank of india, bank of india, boi, indian bank, indian overseas bank, iob, central bank, central bank of india,
uco bank, bank of maharashtra, punjab & sind bank, idbi, idbi bank, citi, citibank, hsbc, standard chartered, stanchart, dbs,
dbs bank, deutsche bank, barclays, chase, bank of america, wells fargo, monzo, revolut, post office, india post payments bank,
ippb, airtel payments bank, paytm payments bank, fino, jupiter, fi, niyo, saraswat bank, cosmos bank, svc bank, j&k bank,
dhanlaxmi bank, csb bank, tamilnad mercantile bank, suryoday, utkarsh, nsdl payments bank, jio payments bank, amex
""")
RAILS = _items("""
upi, neft, rtgs, imps, gpay, google pay, g pay, phonepe, phone pe, paytm, paytm upi, paytm wallet, bhim, bhim upi, amazon pay,
mobikwik, freecharge, netbanking, net banking, internet banking, mobile banking, upi lite, upi autopay, whatsapp pay, cred pay,
debit card, credit card, atm card, forex card, rupay card, visa card, gift card, amazon pay balance, amazon pay later,
flipkart pay later, ola money, jio money, airtel money, yono, samsung pay, apple pay, wallet, e-wallet, metro card, fastag
""")
ACCOUNT_HEADS = _items("""
account, a/c, ac, acct, acc, khata, khate, khaata, savings account, saving account, savings a/c, current account, salary account,
salary a/c, joint account, demat account, demat, trading account, ppf account, nps account, pf account, epf account,
nre account, nro account, rd account, fd account, sb a/c, loan account, post office account, jan dhan account, od account,
overdraft account, bank account, sukanya account, zero balance account, minor account, bachat khata, card, passbook
""")
CARDS = _items("""
regalia, millennia, moneyback, infinia, diners club, coral, sapphiro, amazon pay, flipkart, ace, magnus, atlas, vistara,
myzone, simplyclick, simplysave, prime, elite, bpcl, irctc, swiggy, tata neu, marriott, first classic, power, wealth, select,
league, white, platinum, gold, titanium, signature, rupay, visa, mastercard, cashback, travel, fuel, eterna, premier, legend
""")
SPENDING = _items("""
groceries, grocery, kirana, ration, vegetables, veggies, sabzi, sabji, fruits, phal, milk, doodh, bread, eggs, rice, atta, dal,
food, khana, dinner, lunch, breakfast, brunch, snacks, nashta, tiffin, eating out, dining, dining out, restaurants, takeaway,
food delivery, chai, tea, coffee, juice, pizza, biryani, momos, samosa, mithai, sweets, ice cream, cake, rent, house rent,
kiraya, room rent, office rent, maintenance, society maintenance, electricity, electricity bill, bijli, bijli ka bill, light bill,
water bill, pani ka bill, gas, gas bill, gas cylinder, cylinder, lpg, internet, internet bill, broadband, broadband bill, wifi,
wifi bill, phone bill, mobile bill, mobile recharge, recharge, dth, dth recharge, petrol, diesel, fuel, cng, cab, cabs, taxi, auto,
rickshaw, bus, metro, train ticket, train tickets, flight, flights, flight ticket, flight tickets, travel, trip, toll, parking,
hotel, hotels, hotel booking, vacation, holiday, honeymoon, movie, movies, movie tickets, entertainment, subscription,
subscriptions, ott, ott subscription, gaming, games, concert, shopping, clothes, kapde, shoes, joote, saree, kurta, jeans, jacket,
watch, jewellery, gold, sona, silver, gold chain, phone, mobile, laptop, tv, fridge, washing machine, ac, furniture, sofa, mattress,
headphones, camera, tablet, books, stationery, toys, gifts, gift, cosmetics, makeup, salon, haircut, spa, gym, gym membership,
yoga, medicine, medicines, dawai, dawa, doctor, doctor fees, doctor visit, hospital, hospital bill, medical, medical bills, blood test,
lab test, surgery, physiotherapy, dental, spectacles, school fees, school fee, fees, college fees, tuition, tuition fees, coaching,
coaching fees, hostel fees, education, course, exam fees, daycare, creche, diapers, baby food, pet food, vet, maid, maid salary, bai,
driver salary, cook, servant, laundry, dry cleaning, plumber, electrician, painting, repairs, home repair, car repair,
car service, bike service, servicing, tyres, car wash, insurance, donation, donations, daan, chanda, temple, puja, wedding,
shaadi, marriage, birthday party, party, alcohol, cigarettes, newspaper, courier, property tax, income tax, gst, road tax,
late fee, annual fee, processing fee, fine, challan, service charge, convenience fee, bank charges, penalty, utilities, utility bills,
household items, furnishing, renovation, cleaning, pocket money, security deposit, brokerage, stamp duty, membership
""")
THINGS = _items("""
dosa, idli, vada, paratha, roti, thali, paneer, chicken, mutton, fish, maggi, noodles, burger, sandwich, chaat, pani puri, golgappa,
vada pav, pav bhaji, bhel, kachori, jalebi, laddu, barfi, paan, lassi, chaas, nariyal pani, filter coffee, cold drink, chocolates,
dry fruits, spices, masala, oil, ghee, butter, curd, dahi, atta chakki, onions, pyaz, tomatoes, tamatar, potatoes, aloo, mangoes, aam,
apples, bananas, flowers, phool, water can, bisleri, supplements, protein powder, shampoo, soap, detergent, toothpaste, sanitary pads,
perfume, lipstick, sunscreen, shirt, t-shirt, trousers, pants, dress, lehenga, sherwani, suit, salwar, kurti, dupatta, hoodie, sweater,
shawl, blanket, bedsheets, curtains, pillows, socks, sandals, chappal, sneakers, belt, wallet, handbag, purse, backpack, suitcase,
sunglasses, ring, earrings, necklace, mangalsutra, bangles, gold coin, iphone, macbook, ipad, smartwatch, earbuds, earphones, speaker,
charger, power bank, monitor, keyboard, mouse, printer, router, pendrive, hard disk, smart tv, air conditioner, cooler, fan, geyser,
heater, inverter, microwave, oven, mixer, chimney, water purifier, ro service, vacuum cleaner, iron, refrigerator, dishwasher, cycle,
bicycle, electric scooter, second hand car, used car, tractor, helmet, battery, puncture, number plate, puc, driving licence, passport,
visa fee, cot, bed, table, chair, wardrobe, almirah, sofa set, lamp, bulbs, paint, tiles, plywood, cement, interiors, modular kitchen,
milkman, dhobi, kaamwali, nanny, watchman, gardener, carpenter, mechanic, barber, tailor, priest, pandit, ca fees, lawyer fees,
x-ray, mri, ct scan, scan, check-up, health checkup, consultation, vaccination, dentist, root canal, delivery, maternity, ivf, operation,
glasses, contact lenses, hearing aid, wheelchair, ambulance, school van, school bus, uniform, notebooks, textbooks, mba, mbbs, btech,
admission, admission fee, semester fee, exam fee, entrance coaching, certification, workshop, seminar, dance class, music class,
swimming, cricket kit, badminton, football, picnic, outing, pub, club, drinks, beer, wine, cinema, theatre, museum, zoo, amusement park,
homestay, resort, cruise, safari, trek, goa trip, europe trip, pilgrimage, yatra, visa, forex, roaming, sim, data pack, postpaid,
postpaid bill, prepaid recharge, landline, cable, cloud storage, domain, hosting, software, app subscription, newspaper bill, magazine,
mess, mess bill, canteen, hostel, pg, pg rent, deposit, token amount, registry, registration, shop rent, godown rent, raw material,
stock, fertilizer, seeds, beej, khaad, cattle feed, diesel bill, petrol bill, food bill, grocery bill, medical bill, gas connection,
sofa emi, laptop emi, tv emi, house loan, housing loan, flat booking, car down payment, topup loan, top-up loan, balance transfer,
kisan credit card loan, pm kisan, subsidy, insurance claim, claim, no cost emi, instalment, installment, installments, down payment,
downpayment, take-home, allowance, overtime, tips, gst refund, professional tax, house tax, tds refund, stt, stamp, wealth, inheritance
""")
INCOME = _items("""
salary, pay, tankhwah, pagar, bonus, stipend, pension, freelance income, rental income, dividend, dividends, interest, refund,
cashback, reimbursement, commission, incentive, arrears, gratuity, advance, scholarship, tax refund, rent income, wages, hike
""")
PRODUCTS = _items("""
emi, emis, sip, sips, fd, fds, rd, rds, fixed deposit, recurring deposit, ppf, epf, pf, nps, vpf, elss, ulip, mutual fund,
mutual funds, index fund, index funds, debt fund, debt funds, liquid fund, equity, equity fund, small cap fund, mid cap fund,
large cap fund, flexi cap fund, gold etf, etf, etfs, stocks, shares, bonds, sgb, sovereign gold bond, gold bonds, digital gold,
crypto, bitcoin, nifty, nifty index fund, ipo, nsc, kvp, scss, sukanya samriddhi, atal pension yojana, annuity, reit, reits,
t-bills, us stocks, smallcases, home loan, car loan, personal loan, education loan, gold loan, bike loan, two wheeler loan,
business loan, loan, loans, payday loan, loan against property, mudra loan, student loan, vehicle loan, home loan emi,
car loan emi, bike emi, phone emi, loan emi, credit card bill, credit card dues, card bill, karz, udhaar, term insurance,
term plan, term cover, health insurance, life insurance, car insurance, bike insurance, travel insurance, home insurance,
medical insurance, mediclaim, health cover, family floater, critical illness cover, super top-up, insurance premium,
premium, lic premium, policy, endowment plan, emergency fund, retirement fund, tds, hra, 80c, capital gains, capital gains tax,
ltcg, advance tax, house, flat, ghar, car, bike, gaadi, scooter, plot, land, property, down payment, prepayment, investment,
foreclosure charge, chit fund, committee, lic, real estate, foreign trip, education, kids education, child education, lottery
""")
FESTIVALS = _items("""
diwali, deepavali, dhanteras, bhai dooj, holi, dussehra, vijayadashami, navratri, durga puja, ganesh chaturthi, ganpati,
janmashtami, raksha bandhan, rakhi, karva chauth, karwa chauth, chhath, chhath puja, makar sankranti, sankranti, pongal, lohri,
baisakhi, ugadi, gudi padwa, onam, vishu, bihu, eid, eid al-fitr, bakrid, eid al-adha, ramzan, ramadan, muharram, christmas, easter,
good friday, new year, republic day, independence day, gandhi jayanti, maha shivratri, shivratri, akshaya tritiya, buddha purnima,
guru nanak jayanti, gurpurab, valentine's day, mother's day, ram navami, thanksgiving, black friday, boxing day, teej, shravan
""")
MONTHS = _items("""
january, february, march, april, may, june, july, august, september, october, november, december,
jan, feb, mar, apr, jun, jul, aug, sep, sept, oct, nov, dec
""")
DAYS = _items("""
monday, tuesday, wednesday, thursday, friday, saturday, sunday, somvar, somwar, mangalvar, budhvar, guruvar, shukravar, shanivar,
ravivar, itwar, mon, tue, wed, thu, fri, sat, sun
""")
TIMES = _items("""
today, yesterday, tomorrow, tonight, day before yesterday, day after tomorrow, this morning, last night, weekend, weekends,
this weekend, last week, this week, next week, last month, this month, next month, last year, this year, next year, last quarter,
this quarter, next quarter, every month, every week, every year, every day, daily, weekly, monthly, yearly, annually, quarterly,
per month, per year, a month, a year, per annum, month end, month-end, year end, end of the month, financial year,
last financial year, this financial year, fy, summer, winter, monsoon, aaj, kal, parso, parson, aaj kal, aaj subah, kal raat,
aaj raat, subah, shaam, raat, roz, har mahine, har saal, har hafte, har din, pichle mahine, pichle hafte, pichle saal, is mahine,
is hafte, is saal, agle mahine, agle hafte, agle saal, pichhle mahine, mahine ke end mein, iss mahine, iss saal, mahine, saal,
mahina, hafta, hafte, din, salana, mahina bhar, saal bhar, poore saal, month, months, year, years, week, weeks, day, days, yr, yrs,
quarter, quarters, decade, fortnight, sal, mahine mein, tarikh, tareekh, tak
""")
PLACES = _items("""
mumbai, delhi, new delhi, bengaluru, bangalore, hyderabad, chennai, kolkata, pune, ahmedabad, jaipur, lucknow, kanpur, nagpur, indore,
thane, bhopal, patna, vadodara, ghaziabad, ludhiana, agra, nashik, faridabad, meerut, rajkot, varanasi, srinagar, amritsar, ranchi,
allahabad, prayagraj, coimbatore, jabalpur, gwalior, vijayawada, jodhpur, madurai, raipur, kota, guwahati, chandigarh, mysuru, mysore,
gurgaon, gurugram, noida, greater noida, navi mumbai, kochi, cochin, trivandrum, thiruvananthapuram, mangalore, mangaluru, hubli, surat,
dehradun, shimla, manali, goa, udaipur, rishikesh, haridwar, darjeeling, ooty, munnar, kerala, punjab, gujarat, bihar, rajasthan,
karnataka, maharashtra, tamil nadu, telangana, andhra, odisha, bhubaneswar, assam, jharkhand, chhattisgarh, uttarakhand, himachal,
kashmir, ladakh, vizag, visakhapatnam, warangal, salem, trichy, tirupati, shirdi, india, dubai, singapore, london, toronto, usa, uk, us,
canada, australia, germany, doha, abu dhabi, new york, texas, bali, bangkok, thailand, europe, paris, blr, bom, del, hyd, koramangala,
indiranagar, whitefield, andheri, bandra, powai, karol bagh, connaught place, lajpat nagar, saket, t nagar, adyar, tambaram, salt lake
""")
# Words that stand around entities and are seldom part of one.
AROUND = _items("""
ka, ki, ke, ko, se, mein, me, main, par, pe, tak, aur, ya, bhi, hi, toh, to, na, ne, wala, wale, wali, ye, yeh, wo, woh, is, us, iska,
uska, mera, meri, mere, mujhe, maine, hum, humne, hamara, apna, apne, apni, tum, aap, aapka, kya, kab, kaise, kahan, kyu, kyun, kitna,
kitne, kitni, kaun, kaunsa, hai, hain, h, hu, hoon, ho, tha, thi, the, gaya, gayi, gaye, kiya, kiye, karna, karo, karu, kar, karke,
diya, diye, dena, de, do, liya, liye, lena, lo, le, hua, hui, raha, rahe, rahi, chahiye, sakta, sakte, chuka, bhejo, bheja, bhej,
mangwaya, mangaya, mangayi, kharida, kharidi, bharna, bhara, bhar, kata, kaata, kate, aaya, aayi, aaye, mila, mile, lagta, lagta,
dikhao, dikha, batao, bata, nikala, nikal, udaya, khaya, khana, todke, band, chalu, jaldi, sirf, bas, zyada, kam, thoda, sab, saara,
pura, poora, abhi, ab, phir, fir, bhai, yaar, ji, please, pls, plz, kindly, show, tell, give, check, find, list, add, log, tag, mark,
record, remind, block, cancel, send, transfer, pay, paid, spend, spent, spnd, bought, buy, got, get, received, debited, credited,
charged, deducted, withdrawn, used, via, thru, through, using, from, for, of, on, at, in, by, with, and, or, the, a, an, my, our, your,
his, her, i, we, you, it, this, that, was, were, are, am, be, been, did, does, can, could, should, would, will, shall, may i, want, need,
have, has, had, how, what, when, where, which, who, why, whether, much, many, about, around, over, under, than, more, less, before,
after, since, till, until, between, during, while, only, also, again, still, not, no, yes, if, but, so, then, there, here, out, up,
down, towards, against, per, each, all, any, some, both, avl, bal, txn, ref, info, dear, customer, alert, vpa, ending, towards, dr
""")
PERSONS = _items("""
papa, mummy, mom, mum, dad, dads, daddy, mother, father, bhaiya, didi, behen, beti, beta, bacche, baccha, bachon, wife, husband, biwi,
pati, son, daughter, sister, brother, sis, bro, uncle, aunty, chacha, mama, mausi, nani, dadi, nana, dada, cousin, friend, dost, roommate,
flatmate, landlord, owner, boss, malik, makan malik, kids, kid, parents, family, in-laws, saas, sasur, bhabhi, colleague, neighbour
""")
UNITS = _items("""
rs, inr, rupees, rupee, rupaye, rupay, rupiya, rupya, rupye, bucks, lakh, lakhs, lac, lacs, crore, crores, cr, k, l, thousand,
hundred, hazaar, hazar, hajar, sau, lpa, dollars, dollar, usd, euro, euros, eur, pounds, gbp, aed, dirhams, sgd, cad, aud, million,
paise, one, two, three, four, five, six, seven, eight, nine, ten, twenty, thirty, forty, fifty, sixty, seventy, eighty, ninety,
ek, do, teen, char, paanch, das, bees, pachas, dedh, dhai, adha, sava, saade
""")

MERCHANTS = SHOPS + FOOD + TRAVEL + SERVICES + LENDERS + INSURERS + INVESTMENT_HOUSES + PEOPLE_PAY
CATEGORIES = SPENDING + THINGS + INCOME + PRODUCTS

# What a token's lexicon features tell; the order is part of a saved model.
KINDS: dict[str, tuple[str, ...]] = {
    "merchant": MERCHANTS,
    "bank": BANKS,
    "account": RAILS + ACCOUNT_HEADS,
    "card": CARDS,
    "category": CATEGORIES,
    "time": TIMES + DAYS + MONTHS + FESTIVALS,
    "unit": UNITS,
    "place": PLACES,
    "around": AROUND,
    "person": PERSONS,
}
