package demo

import (
	"strings"

	"github.com/musterhq/muster/internal/member"
)

// A tongue holds the names, occupations and sentences of people of one script.
type tongue struct {
	share       int // in percent of all members
	family      []string
	female      []string
	male        []string
	occupations []string
	employers   []string
	openings    []string // an introduction consists of an opening, a line and a wish
	lines       []string
	wishes      []string
	name        func(family, given string, g member.Gender) string
	stop        string // the end of a sentence
}

// text returns an introduction of the sentences.
func (t *tongue) text(sentences ...string) string {
	return strings.TrimSpace(strings.Join(sentences, t.stop) + t.stop)
}

var tongues = []tongue{korean, latin, japanese, chinese, cyrillic, arabic}

var korean = tongue{
	share:  70,
	family: []string{"김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서", "신", "권", "황", "안", "송", "류", "홍", "전", "고", "문", "손", "양", "배", "백", "허", "남궁", "선우"},
	female: []string{"바다", "서연", "지우", "하은", "민서", "수아", "예린", "다은", "채원", "유나", "소희", "은지", "가영", "나래", "보라", "슬기", "아름", "한별", "미소", "혜진", "지민", "윤서", "현아", "서현"},
	male:   []string{"민준", "서준", "도윤", "시우", "지호", "준서", "현우", "건우", "우진", "선호", "태양", "한결", "동현", "재윤", "성민", "정훈", "상혁", "영호", "기범", "찬호", "지훈", "승우", "바다", "가람"},
	occupations: []string{
		"소프트웨어 개발자", "간호사", "초등학교 교사", "회계사", "디자이너", "요리사", "공무원", "연구원", "약사", "변호사", "마케터", "사진작가", "건축사", "물리치료사", "번역가", "소방관",
	},
	employers: []string{"한빛소프트웨어", "푸른병원", "새봄초등학교", "다온회계법인", "은하디자인", "솔바람식당", "가온연구소", "나루건축"},
	openings:  []string{"안녕하세요. 만나서 반갑습니다", "천천히 알아가고 싶습니다", "웃음이 많은 사람입니다", "조용하지만 호기심이 많아요", "주말이면 늘 밖으로 나갑니다"},
	lines:     []string{"한강을 따라 자전거를 타는 것을 좋아해요", "요즘은 도자기를 배우고 있습니다", "새로운 카페를 찾아다니는 게 취미예요", "산에 오르면 마음이 편해집니다", "책과 커피만 있으면 하루가 행복합니다", "고양이 두 마리와 함께 살아요"},
	wishes:    []string{"서로를 존중하는 만남을 기다립니다", "오래 이야기할 수 있는 분이면 좋겠어요", "함께 여행할 사람을 찾고 있습니다", "작은 일에도 감사하는 분을 만나고 싶어요"},
	name:      func(family, given string, _ member.Gender) string { return family + given },
	stop:      ". ",
}

var latin = tongue{
	share:  12,
	family: []string{"Müller", "Björk", "García", "Nguyễn", "Dvořák", "Łukasiewicz", "O’Brien", "Çelik", "Østergård", "Gonçalves", "Kovács", "Lefèvre", "Smith", "Jónsdóttir", "Trần", "Peña"},
	female: []string{"Zoë", "Chloé", "Renée", "Søs", "María José", "Ágnes", "Şebnem", "Linh", "Eliška", "Żaneta", "Emma", "Inês", "Åsa", "Mary-Ann"},
	male:   []string{"René", "Jürgen", "José", "Søren", "Łukasz", "Đức", "François", "Zoltán", "Çağrı", "Ólafur", "Liam", "João", "Matěj", "Håkon"},
	occupations: []string{
		"software engineer", "nurse", "teacher", "accountant", "designer", "chef", "civil servant", "researcher", "pharmacist", "photographer", "architect", "translator",
	},
	employers: []string{"Harbour Bakery", "Northwind Clinic", "Lindenhof School", "Bluebird Studio", "Café Ōkami", "Praça Architects"},
	openings:  []string{"Hello, and thank you for reading this", "I came to Seoul for a year and stayed", "Curious about nearly everything", "More at home on a mountain than at a party"},
	lines:     []string{"I bake on Sundays and give most of it away", "I am learning Korean, one karaoke song at a time", "I collect maps of cities that I have not seen", "My bicycle has been to more countries than I have"},
	wishes:    []string{"I hope to meet someone who laughs easily", "Let us start with a long walk", "Kindness matters more to me than plans", "Tell me what you are reading"},
	name:      func(family, given string, _ member.Gender) string { return given + " " + family },
	stop:      ". ",
}

var japanese = tongue{
	share:       6,
	family:      []string{"佐藤", "鈴木", "高橋", "田中", "伊藤", "渡邊", "山本", "中村", "小林", "加藤", "髙木", "齋藤"},
	female:      []string{"陽菜", "さくら", "結衣", "美咲", "あおい", "千尋", "莉子", "ひかり", "真央", "七海"},
	male:        []string{"翔太", "大輝", "蓮", "健一", "悠真", "拓海", "直樹", "ゆうき", "海斗", "誠"},
	occupations: []string{"エンジニア", "看護師", "教師", "会計士", "デザイナー", "料理人", "研究員", "薬剤師", "翻訳家"},
	employers:   []string{"青空システム", "みなと病院", "若葉学園", "こもれび設計"},
	openings:    []string{"はじめまして", "のんびりした性格です", "好奇心が旺盛だとよく言われます"},
	lines:       []string{"休日は写真を撮りに出かけます", "料理とワインが好きです", "最近、韓国語の勉強を始めました", "猫と静かに暮らしています"},
	wishes:      []string{"一緒に笑える方と出会えたら嬉しいです", "お互いを大切にできる関係を望んでいます", "まずはお茶でもいかがですか"},
	name:        func(family, given string, _ member.Gender) string { return family + " " + given },
	stop:        "。",
}

var chinese = tongue{
	share:       6,
	family:      []string{"王", "李", "張", "刘", "陳", "杨", "趙", "黄", "周", "吴", "徐", "歐陽"},
	female:      []string{"芳", "静怡", "雨桐", "欣妍", "美玲", "诗涵", "婉婷", "思琪", "海燕", "雅雯"},
	male:        []string{"伟", "浩然", "志明", "子轩", "建国", "文杰", "宇航", "俊杰", "家豪", "海"},
	occupations: []string{"软件工程师", "护士", "教师", "会计师", "设计师", "厨师", "研究员", "药剂师", "翻译"},
	employers:   []string{"晨光科技", "仁爱医院", "新芽学校", "山水设计"},
	openings:    []string{"你好，很高兴认识你", "我性格开朗，喜欢交朋友", "我在首尔生活了几年"},
	lines:       []string{"周末常去爬山", "喜欢做饭，也喜欢请朋友来家里吃饭", "正在学习弹吉他", "看书和旅行是我最大的爱好"},
	wishes:      []string{"希望遇见一个真诚的人", "愿意从朋友开始，慢慢了解", "期待一段认真的感情"},
	name:        func(family, given string, _ member.Gender) string { return family + given },
	stop:        "。",
}

var cyrillic = tongue{
	share:       3,
	family:      []string{"Соколов", "Иванов", "Кузнецов", "Попов", "Лебедев", "Ковалёв", "Королёв", "Цой", "Шевченко", "Кім"},
	female:      []string{"Анна", "Мария", "Алёна", "Екатерина", "Юлия", "Світлана", "Ольга", "Ксения"},
	male:        []string{"Александр", "Дмитрий", "Артём", "Сергей", "Андрій", "Фёдор", "Максим", "Илья"},
	occupations: []string{"программист", "медсестра", "учитель", "бухгалтер", "дизайнер", "повар", "исследователь", "переводчик"},
	employers:   []string{"Северный ветер", "Клиника «Заря»", "Школа № 12", "Студия «Лист»"},
	openings:    []string{"Здравствуйте", "Живу в Сеуле третий год", "Люблю тишину и хорошие разговоры"},
	lines:       []string{"По выходным хожу в горы", "Играю на гитаре, иногда даже хорошо", "Учу корейский и готовлю борщ", "Дома меня ждёт рыжий кот"},
	wishes:      []string{"Хочу встретить доброго человека", "Давайте начнём с прогулки", "Ценю честность и чувство юмора"},
	name: func(family, given string, g member.Gender) string {
		if last := family[len(family)-len("в"):]; g == member.Female && last == "в" {
			family += "а"
		}
		return given + " " + family
	},
	stop: ". ",
}

var arabic = tongue{
	share:       3,
	family:      []string{"حداد", "الخطيب", "منصور", "العلي", "نجار", "الحسن", "صالح", "بركات"},
	female:      []string{"ليلى", "فاطمة", "مريم", "نور", "سلمى", "هدى", "ياسمين", "رنا"},
	male:        []string{"أحمد", "محمد", "يوسف", "كريم", "عمر", "سامي", "طارق", "زيد"},
	occupations: []string{"مهندس برمجيات", "ممرض", "مدرس", "محاسب", "مصمم", "طباخ", "باحث", "مترجم"},
	employers:   []string{"مستشفى الأمل", "مدرسة النور", "استوديو الواحة"},
	openings:    []string{"مرحبا بكم", "أعيش في سيول منذ سنوات", "أحب الهدوء والحديث الصادق"},
	lines:       []string{"أقضي عطلة نهاية الأسبوع في القراءة", "أتعلم الكورية وأحب الطبخ", "أحب التصوير والسفر"},
	wishes:      []string{"أبحث عن شريك يقدر الصدق", "لنبدأ بنزهة طويلة", "أتمنى علاقة جادة ومحترمة"},
	name:        func(family, given string, _ member.Gender) string { return given + " " + family },
	stop:        ". ",
}

// These are in English for everybody, so that lists can be filtered by them.
var (
	regions    = []string{"Seoul", "Seoul", "Seoul", "Gyeonggi", "Gyeonggi", "Busan", "Incheon", "Daegu", "Daejeon", "Gwangju", "Ulsan", "Sejong", "Gangwon", "Jeju"}
	educations = []string{"high_school", "associate", "bachelor", "bachelor", "bachelor", "master", "doctorate"}
	religions  = []string{"none", "none", "none", "christian", "buddhist", "catholic", "muslim", "other"}
	habits     = []string{"never", "never", "sometimes", "often"}
	diets      = []string{"omnivore", "omnivore", "vegetarian", "vegan", "halal"}
	pets       = []string{"cat", "dog", "bird", "fish"}
	hobbies    = []string{"hiking", "cooking", "reading", "cycling", "films", "photography", "climbing", "music", "board games", "swimming", "pottery", "gardening", "travel", "yoga"}
	qualities  = []string{"kindness", "humour", "honesty", "ambition", "intelligence", "shared interests", "calm"}
	goals      = []string{"marriage", "relationship", "friendship"}
	plans      = []string{"basic", "basic", "standard", "standard", "premium"}
	reviewers  = []string{"Han Sora", "Okafor Ada", "Lee Minho"}
	reasons    = []string{"The picture is blurred.", "The document has expired.", "The name differs from the profile."}
	kinds      = []string{"identity", "income", "education", "marital_status"}
)
