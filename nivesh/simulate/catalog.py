"""What there is to buy: everyday kinds of spending with their merchants, prices and hours."""

from dataclasses import dataclass

NIGHT, MORNING, NOON, EVENING = 22.5, 9.5, 13.0, 19.5

NEARBY = {
    "Mumbai": ("Thane", "Navi Mumbai"),
    "Delhi": ("Gurugram", "Noida"),
    "Bengaluru": ("Whitefield",),
    "Hyderabad": ("Secunderabad",),
    "Chennai": ("Tambaram",),
    "Pune": ("Pimpri-Chinchwad",),
    "Kolkata": ("Howrah",),
    "Ahmedabad": ("Gandhinagar",),
    "Kochi": ("Aluva",),
    "Jaipur": (),
    "Lucknow": (),
    "Indore": ("Dewas",),
    "Coimbatore": (),
    "Patna": (),
    "Chandigarh": ("Mohali", "Panchkula"),
    "Nagpur": (),
}
RESORTS = (
    "Goa",
    "Manali",
    "Udaipur",
    "Ooty",
    "Puri",
    "Varanasi",
    "Shimla",
    "Munnar",
    "Rishikesh",
    "Tirupati",
    "Amritsar",
)
ABROAD = ("Dubai", "Singapore", "Bangkok", "London", "Colombo", "Kathmandu")

FAMILIES = [
    "Sharma",
    "Gupta",
    "Verma",
    "Patel",
    "Reddy",
    "Iyer",
    "Nair",
    "Khan",
    "Singh",
    "Das",
    "Bose",
    "Joshi",
    "Kulkarni",
    "Shetty",
    "Rao",
    "Pillai",
    "Mehta",
    "Yadav",
    "Ansari",
    "Fernandes",
    "Ghosh",
    "Chauhan",
    "Mishra",
    "Naidu",
    "Menon",
    "Banerjee",
    "Kaur",
    "Jain",
    "Pawar",
    "Thomas",
]
GIVEN = [
    "Aarav",
    "Priya",
    "Rohan",
    "Sneha",
    "Vikram",
    "Anjali",
    "Imran",
    "Fatima",
    "Karthik",
    "Divya",
    "Rahul",
    "Pooja",
    "Arjun",
    "Meera",
    "Suresh",
    "Lakshmi",
    "Ajay",
    "Neha",
    "Manoj",
    "Kavita",
    "Farhan",
    "Sana",
    "Joseph",
    "Maria",
    "Harpreet",
    "Simran",
    "Ganesh",
    "Radha",
    "Nikhil",
    "Ritu",
]


@dataclass(frozen=True)
class Kind:
    """One everyday kind of spending of a typical household.

    Attributes:
        times: purchases a month.
        price: median rupees; ``spread`` is the standard deviation of its logarithm.
        hours: centres of the hours of day at which it happens.
        chains: merchants known everywhere; ``local`` are endings of names of small shops.
        favourites: size of a user's own circle of merchants; ``curious`` is the chance to leave it.
        weekend: factor on Saturdays and Sundays; ``festive`` factor at the top of a festival season.
        online: bought from home, so that it never shows the city of a trip.
        rounding: prices are multiples of this many rupees.
    """

    times: float
    price: float
    spread: float
    hours: tuple[float, ...]
    chains: tuple[str, ...]
    local: tuple[str, ...] = ()
    favourites: int = 3
    curious: float = 0.04
    weekend: float = 1.2
    festive: float = 1.2
    online: bool = False
    rounding: float = 1.0


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


EVERYDAY = {
    "groceries": Kind(
        9, 620, 0.65, (10, 18.5), _names("BigBasket, Blinkit, Zepto, DMart, JioMart, Reliance Fresh, More, Spencer's"),
        ("Kirana Store", "Supermarket", "Provision Store"), 4, 0.03, 1.4, 1.5,
    ),
    "food_delivery": Kind(
        7, 330, 0.45, (13, 20.5), _names("Swiggy, Zomato, EatSure, Domino's, Box8, Faasos, McDelivery"),
        favourites=3, curious=0.02, weekend=1.5, online=True,
    ),
    "dining": Kind(
        3.5, 850, 0.6, (13.5, 20.5), _names("Barbeque Nation, Haldiram's, Saravana Bhavan, Starbucks, Pizza Hut, KFC"),
        ("Dhaba", "Cafe", "Restaurant", "Bakery", "Biryani House"), 5, 0.3, 2.0, 1.4,
    ),
    "snacks": Kind(
        9, 40, 0.5, (8.5, 11, 17), _names("Chaayos, Chai Point"), ("Tea Stall", "Juice Centre", "Canteen"),
        2, 0.05, 0.6, 1.0, rounding=5,
    ),
    "fuel": Kind(
        3, 1400, 0.45, (9, 19), _names("Indian Oil, HP Petrol Pump, Bharat Petroleum, Shell, Nayara Energy"),
        favourites=2, curious=0.06, rounding=50,
    ),
    "transport": Kind(
        8, 165, 0.6, (9, 18.5), _names("Uber, Ola, Rapido, Metro Card, Namma Yatri, BluSmart, FASTag"),
        favourites=3, curious=0.02, weekend=0.8,
    ),
    "shopping": Kind(
        4, 1250, 0.85, (12.5, 21), _names(
            "Amazon, Flipkart, Myntra, Ajio, Nykaa, Meesho, Lifestyle, Westside, Decathlon, Croma, Max, Tata Cliq"
        ), ("Textiles", "Fashions", "Collection"), 5, 0.12, 1.5, 2.8,
    ),
    "medical": Kind(
        1.4, 520, 0.9, (11, 18.5), _names("Apollo Pharmacy, Tata 1mg, PharmEasy, Netmeds, MedPlus"),
        ("Medicals", "Clinic", "Diagnostics"), 2, 0.2, 0.9, 1.0,
    ),
    "entertainment": Kind(
        1.6, 480, 0.55, (15, 20), _names("BookMyShow, PVR Inox, Cinepolis, Steam, Wonderla, Smaaash"),
        ("Games", "Theatre"), 3, 0.15, 2.5, 1.2,
    ),
    "personal_care": Kind(
        1.1, 450, 0.6, (11.5, 18), _names("Urban Company, Lakme Salon, Naturals, Jawed Habib"), ("Salon", "Parlour"),
        2, 0.1, 1.9, 1.7,
    ),
    "home": Kind(
        0.5, 2200, 1.0, (12, 17), _names("IKEA, Pepperfry, Home Centre, Asian Paints, Urban Ladder"),
        ("Hardware", "Electricals", "Furnitures"), 2, 0.4, 1.5, 2.0,
    ),
    "education": Kind(
        0.3, 1300, 1.0, (11, 21), _names("Udemy, Coursera, Unacademy, Physics Wallah, Crossword"),
        ("Book House", "Tuition Centre"), 2, 0.3, 1.0, 1.0,
    ),
    "gifts": Kind(
        0.3, 1100, 0.8, (12, 19), _names("Ferns N Petals, Archies, IGP"), ("Sweets", "Gift Gallery"), 2, 0.3, 1.3, 5.0,
    ),
    "transfers": Kind(3, 1500, 1.0, (10.5, 20.5), (), ("",), 6, 0.12, 1.1, 1.4, online=True, rounding=50),
    "cash": Kind(
        1.2, 2800, 0.6, (11, 18.5), _names("SBI ATM, HDFC Bank ATM, ICICI Bank ATM, Axis Bank ATM"),
        favourites=2, curious=0.08, festive=1.5, rounding=500,
    ),
}  # fmt: skip

# Rare, large and legitimate: price is a share of a month's income.
LARGE = {
    "electronics": (0.45, _names("Croma, Reliance Digital, Apple Store, Vijay Sales, Samsung Plaza")),
    "jewellery": (0.9, _names("Tanishq, Kalyan Jewellers, Malabar Gold, CaratLane")),
    "shopping": (0.3, _names("Amazon, Flipkart, Manyavar, FabIndia")),
    "medical": (0.6, _names("Apollo Hospitals, Fortis Hospital, Manipal Hospital, Max Healthcare")),
    "home": (0.5, _names("Godrej Interio, Livpure, LG Best Shop, Sleepwell")),
    "vehicle": (0.25, _names("Maruti Service, Hero Service, Bosch Car Service, MRF Tyres")),
    "transfers": (0.6, ()),
    "ceremony": (0.8, _names("Shree Caterers, Royal Banquets, Moti Mahal Hall")),
}

SUBSCRIPTIONS = {
    "Netflix": 499, "Amazon Prime": 299, "JioHotstar": 299, "Spotify": 119, "YouTube Premium": 149, "SonyLIV": 299,
    "Google One": 130, "iCloud": 75, "Cult.fit": 1250, "Times Prime": 199, "Audible": 199,
}  # fmt: skip
LENDERS = _names("HDFC Bank, SBI, ICICI Bank, Bajaj Finance, Axis Bank, LIC Housing, Tata Capital, Kotak Bank")
FUNDS = _names("Groww, Zerodha Coin, SBI Mutual Fund, HDFC Mutual Fund, Kuvera, PPFAS, NPS Trust, Post Office RD")
INSURERS = _names("LIC, HDFC Life, Star Health, ICICI Lombard, Niva Bupa, Max Life, Acko, Digit")
POWER = _names("BESCOM, Tata Power, Adani Electricity, MSEDCL, TANGEDCO, BSES, TSSPDCL, UPPCL, KSEB")
PHONE = _names("Airtel, Jio, Vi, BSNL")
INTERNET = _names("Airtel Xstream, JioFiber, ACT Fibernet, Hathway, BSNL Fiber")
SCHOOLS = _names("Delhi Public School, Kendriya Vidyalaya, St. Mary's School, Ryan International, Vidya Mandir")
EMPLOYERS = _names(
    "Infosys, TCS, Wipro, Tata Motors, Apollo Hospitals, State Government, L&T, Mahindra, Accenture, Zoho, Reliance, HUL"
)
PLATFORMS = _names("Swiggy Payout, Uber Payout, Zomato Payout, Urban Company Payout, Porter Payout")
CARRIERS = _names("IRCTC, IndiGo, MakeMyTrip, RedBus, Air India, Cleartrip, Goibibo, KSRTC")
HOTELS = _names("OYO, Taj Hotels, Treebo, Airbnb, Club Mahindra, Lemon Tree, Zostel")
