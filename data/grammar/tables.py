"""The words, in tables with one word or one class of words on each line; _ stands for a space. Knows no rules."""

# The sign after a noun says how its English is written without a determiner: 책 -> a book, 물* -> water,
# 신발+ -> shoes, 피아노! -> the piano, 영어~ -> English (which takes no 'this', 'my' or number either). After a slash
# is its counter, as in 책 두 권.
NOUNS = """
food      밥=rice* 빵=bread* 고기=meat* 생선=fish* 김치=kimchi* 치즈=cheese* 수프=soup* 국수=noodles+
food      사과=apple/개 바나나=banana/개 오렌지=orange/개 딸기=strawberry/개 달걀=egg/개 감자=potato/개
food      케이크=cake/개 샌드위치=sandwich/개 과자=cookie/개 토마토=tomato/개
drink     물=water* 커피=coffee* 홍차=tea* 우유=milk* 주스=juice* 맥주=beer*
text      책=book/권 신문=newspaper 잡지=magazine/권 소설=novel/권 편지=letter/통 이메일=email/통 보고서=report
text      사전=dictionary/권 만화책=comic_book/권 이야기=story
show      영화=movie/편 드라마=drama/편 연극=play/편 뉴스=news* 텔레비전=television~
sound     음악=music* 노래=song/곡 강의=lecture
clothes   셔츠=shirt/벌 치마=skirt/벌 코트=coat/벌 스웨터=sweater/벌 원피스=dress/벌 교복=uniform/벌
clothes   옷=clothes+ 바지=pants+
shoes     신발=shoes+ 양말=socks+ 운동화=sneakers+ 부츠=boots+
thing     가방=bag/개 우산=umbrella/개 시계=watch/개 열쇠=key/개 지갑=wallet/개 꽃=flower/송이 선물=gift/개
thing     연필=pencil/자루 공책=notebook/권 의자=chair/개 인형=doll/개 모자=hat/개 반지=ring/개 공=ball/개
thing     상자=box/개 지도=map/장 장난감=toy/개 컵=cup/개 접시=plate/개 안경=glasses+ 사진=photo/장 그림=picture/장
machine   자동차=car/대 자전거=bicycle/대 컴퓨터=computer/대 카메라=camera/대 휴대폰=phone/대 라디오=radio/대
ride      버스=bus 기차=train 택시=taxi 비행기=airplane
door      문=door! 창문=window!
subject   영어=English~ 한국어=Korean~ 일본어=Japanese~ 중국어=Chinese~ 수학=math~ 과학=science~ 역사=history~
sport     축구=soccer~ 야구=baseball~ 농구=basketball~ 배구=volleyball~
hit       테니스=tennis~ 탁구=table_tennis~ 피아노=piano! 기타=guitar!
homework  숙제=homework*
building  집=house/채 건물=building/채 다리=bridge 탑=tower 성=castle
room      방=room! 부엌=kitchen! 거실=living_room! 교실=classroom!
plant     나무=tree/그루 장미=rose/송이
animal    개=dog/마리 고양이=cat/마리 새=bird/마리 말=horse/마리 토끼=rabbit/마리 소=cow/마리 돼지=pig/마리
animal    닭=chicken/마리 코끼리=elephant/마리
furniture 책상=desk 식탁=table 침대=bed
"""

JOBS = """
선생님=teacher 학생=student 의사=doctor 간호사=nurse 경찰관=police_officer 요리사=cook 가수=singer 배우=actor
작가=writer 기자=reporter 변호사=lawyer 농부=farmer 화가=artist 과학자=scientist 기술자=engineer 군인=soldier
"""
PEOPLE = "친구=friend 아이=child 남자=man 여자=woman 소년=boy 소녀=girl 이웃=neighbor"
OWNED = ["친구", "아이", "이웃", "선생님", "학생", "의사"]  # people who can have an owner: 내 친구
FAMILY = """
어머니=mother 아버지=father 할머니=grandmother 할아버지=grandfather 아들=son 딸=daughter
남동생=younger_brother 여동생=younger_sister
"""
NAMES = """
민수=Minsu 지우=Jiwoo 서연=Seoyeon 지훈=Jihun 수진=Sujin 영희=Younghee 철수=Cheolsu 하준=Hajun 유나=Yuna 은지=Eunji
현우=Hyunwoo 소라=Sora 준호=Junho 미나=Mina 태민=Taemin 수빈=Subin 동현=Donghyun 재민=Jaemin 톰=Tom 메리=Mary
"""

# Kind of place, then the preposition for being there; '+' stands before a place with 'the', '-' before one without.
PLACES = """
home    집=at-home 방=in+room 부엌=in+kitchen 거실=in+living_room 정원=in+garden
school  학교=at-school 교실=in+classroom 도서관=at+library 대학교=at+university 체육관=at+gym
town    식당=at+restaurant 카페=at+cafe 시장=at+market 병원=at+hospital 은행=at+bank 극장=at+theater
town    박물관=at+museum 공항=at+airport 역=at+station 우체국=at+post_office 서점=at+bookstore
town    백화점=at+department_store 빵집=at+bakery 약국=at+pharmacy 호텔=at+hotel 교회=at-church
town    사무실=in+office 동물원=at+zoo
outside 공원=in+park 해변=on+beach 산=on+mountain 강=at+river 호수=at+lake 숲=in+forest 농장=on+farm 마을=in+village
city    서울=in-Seoul 부산=in-Busan 한국=in-Korea 미국=in-America 일본=in-Japan 파리=in-Paris 런던=in-London
"""

TIMES = """
past    어제=yesterday 그저께=the_day_before_yesterday 어젯밤에=last_night 지난주에=last_week 지난달에=last_month
past    작년에=last_year
now     지금=now
present 매일=every_day 매주=every_week 매일_아침=every_morning 매일_밤=every_night 주말마다=every_weekend
future  내일=tomorrow 모레=the_day_after_tomorrow 다음_주에=next_week 다음_달에=next_month 내년에=next_year
any     아침에=in_the_morning 오후에=in_the_afternoon 저녁에=in_the_evening 밤에=at_night 오늘=today 여름에=in_summer
any     겨울에=in_winter 월요일에=on_Monday 화요일에=on_Tuesday 금요일에=on_Friday 토요일에=on_Saturday
any     일요일에=on_Sunday
"""
# They are placed before the English verb and after its auxiliary.
ADVERBS = "항상=always 자주=often 보통=usually 가끔=sometimes"
MANNERS = """
열심히=hard 공부하다 일하다 연습하다 운동하다
천천히=slowly 먹다 마시다 읽다 쓰다 걷다 걸어가다 그리다
빨리=quickly 먹다 달리다 돌아오다 자르다 청소하다 고치다
조용히=quietly 읽다 울다 웃다 쉬다 기다리다
혼자=alone 자다 쉬다 놀다 살다 춤추다 노래하다 가다 오다
"""

# dictionary form:irregular | English | frame | kinds of object | kinds of place | marks
# frames: do (with an object), be (without), go (에), give (에게), get (에게서)
# marks: state - no progressive; now - no future; place - always with a place; long - no negation by 안;
#        told - no question 'what' about its object, because 무엇을 하니 is 'what do you do';
#        many - an object without a determiner is plural: 사과를 좋아한다, likes apples
VERBS = """
먹다      | eat         | do   | food                             | 집 부엌 정원 학교 식당 카페 시장 호텔 공원 해변
마시다    | drink       | do   | drink                            | 집 거실 정원 식당 카페 호텔 사무실 공항
요리하다  | cook        | do   | 밥 고기 생선 수프 국수 감자 달걀 | 집 부엌 식당 호텔
굽다:ㅂ   | bake        | do   | 빵 케이크 과자 감자 생선         | 집 부엌 식당 빵집
읽다      | read        | do   | text                             | home 도서관 교실 카페 서점 공원 해변
쓰다      | write       | do   | 편지 소설 이메일 보고서 이야기 책 | 집 방 거실 도서관 카페 사무실 호텔
보다      | watch       | do   | show                             | 집 방 거실 극장 교실 호텔
듣다:ㄷ   | listen to   | do   | sound 이야기 뉴스                | 집 방 거실 교실 카페 사무실 교회
부르다:르 | sing        | do   | 노래                             | home school outside
만들다    | make        | do   | 빵 케이크 수프 김치 샌드위치 과자 인형 장난감 의자 책상 상자 옷 | 집 방 부엌 교실 정원
사다      | buy         | do   | food drink clothes shoes thing machine 책 잡지 소설 사전 | 시장 백화점 공항 city
팔다      | sell        | do   | food drink clothes shoes thing machine 책 집 소 돼지 말 닭 | 시장 백화점 city | many
입다      | wear        | do   | clothes                          | school 사무실 교회 | state
신다      | wear        | do   | shoes                            | home school outside | state
씻다      | wash        | do   | 사과 딸기 감자 토마토 컵 접시    | home
빨다      | wash        | do   | clothes shoes                    | home
찾다      | look for    | do   | thing machine shoes text         | home school town
잃다      | lose        | do   | 가방 우산 시계 열쇠 지갑 모자 반지 공 휴대폰 카메라 | school town outside | state
줍다:ㅂ   | pick up     | do   | 열쇠 지갑 연필 공 모자 반지 공책 사진 컵 | school town outside
버리다    | throw away  | do   | thing shoes text                 | home school
가져오다  | bring       | do   | thing food drink text            | | state
고치다    | fix         | do   | machine 시계 의자 책상 문 창문 우산 장난감 | 집 학교 교실 사무실 호텔
열다      | open        | do   | door 가방 상자                   | home school 사무실 호텔
닫다      | close       | do   | door 가방 상자                   | home school 사무실 호텔
밀다      | push        | do   | door 책상 의자 상자 자동차       | home school
자르다:르 | cut         | do   | 빵 사과 케이크 고기 나무 치즈 감자 | 집 부엌 식당 정원
배우다    | learn       | do   | subject                          | school city
가르치다  | teach       | do   | subject                          | school city
공부하다  | study       | do   | subject                          | 집 방 거실 카페 school
연습하다  | practice    | do   | sport 노래 테니스 영어 한국어    | 집 학교 공원 체육관
하다      | play        | do   | sport                            | 공원 해변 마을 school | told
하다      | do          | do   | homework                         | 집 방 거실 교실 도서관 카페
치다      | play        | do   | hit                              | 집 학교 대학교 체육관
짓다:ㅅ   | build       | do   | building                         | outside city
청소하다  | clean       | do   | room                             | |
그리다    | draw        | do   | 그림 나무 꽃 지도 animal building | home school outside
찍다      | take        | do   | 사진                             | school town outside city
타다      | take        | do   | ride                             | city | state
심다      | plant       | do   | plant 꽃 감자                    | 정원 공원 산 농장 마을
키우다    | raise       | do   | 개 고양이 새 말 토끼 소 돼지 닭  | 집 정원 농장 마을
잡다      | catch       | do   | 새 토끼 닭 돼지 공               | outside
만나다    | meet        | do   | person                           | school town outside city
돕다:ㅂ   | help        | do   | person                           | home school town
기다리다  | wait for    | do   | person ride                      | home school town outside
부르다:르 | call        | do   | person                           | home school | state
사랑하다  | love        | do   | person                           | | state
알다      | know        | do   | person                           | | state now
믿다      | trust       | do   | person                           | | state
좋아하다  | like        | do   | person food drink show text animal subject sport 음악 꽃 | | state many
싫어하다  | dislike     | do   | person food drink animal subject sport | | state many
자다      | sleep       | be   |                                  | home 교실 사무실 호텔 공항 역 해변
쉬다      | rest        | be   |                                  | home school outside
웃다      | laugh       | be   |                                  | home school town outside
울다      | cry         | be   |                                  | home school outside
놀다      | play        | be   |                                  | home school outside
일하다    | work        | be   |                                  | 학교 대학교 town 농장 city
걷다:ㄷ   | walk        | be   |                                  | outside
달리다    | run         | be   |                                  | school outside
춤추다    | dance       | be   |                                  | home school outside | long
운동하다  | exercise    | be   |                                  | home school outside
수영하다  | swim        | be   |                                  | 강 호수 체육관
살다      | live        | be   |                                  | city 마을 농장 숲 | state place
눕다:ㅂ   | lie down    | be   |                                  | | state
가다      | go          | go   |                                  | home school town outside city
오다      | come        | go   |                                  | home school town outside city
돌아오다  | come back   | go   |                                  | home school town city
걸어가다  | walk        | go   |                                  | home school town outside
노래하다  | sing        | be   |                                  | home school outside
이야기하다 | talk       | be   |                                  | home school town outside
주다      | give        | give | thing food drink text shoes machine | school town
보내다    | send        | give | 편지 이메일 선물 사진 책 꽃 그림 지도 옷 | school town
보여주다  | show        | give | thing text machine               | home school
받다      | receive     | get  | 편지 이메일 선물 사진 책 꽃 반지 보고서 | home school | state
빌리다    | borrow      | get  | 책 우산 연필 공책 사전 컴퓨터 카메라 자전거 자동차 소설 | school town
"""

# dictionary form:irregular | English | kinds of its subjects | kinds of nouns that it may precede
ADJECTIVES = """
바쁘다     | busy        | person
아프다     | sick        | person
피곤하다   | tired       | person
행복하다   | happy       | person
슬프다     | sad         | person sound 영화 소설 이야기   | 영화 소설 노래 이야기
배고프다   | hungry      | person animal
친절하다   | kind        | person
똑똑하다   | smart       | person 개 고양이 말
유명하다   | famous      | person 책 소설 만화책 이야기 show building      | 영화 소설 노래 그림
예쁘다     | pretty      | person clothes thing plant     | clothes 꽃 가방 모자 인형 반지 우산
아름답다:ㅂ | beautiful  | plant sound building 꽃 그림   | 꽃 노래 그림 장미 나무 음악
크다       | big         | machine building animal 가방 상자 나무 | 가방 상자 나무 공 animal 사과 감자
작다       | small       | machine building animal 가방 상자 나무 | 가방 상자 나무 공 animal 꽃 컵
좋다       | good        | text show machine 음악 우산    | 책 영화 카메라 컴퓨터 음악 소설 커피
비싸다     | expensive   | clothes thing machine food     | clothes 가방 시계 카메라 컴퓨터 반지 치즈 자동차
싸다       | cheap       | clothes thing machine food     | clothes 가방 우산 커피 자전거
맛있다     | delicious   | food drink                     | food 커피 주스
재미있다   | interesting | text show 강의                 | text 영화 드라마 연극 강의
어렵다:ㅂ  | difficult   | subject text 강의 숙제         | 책 숙제 노래 강의
쉽다:ㅂ    | easy        | subject text 강의 숙제         | 책 숙제 노래
무겁다:ㅂ  | heavy       | machine 가방 상자 책 책상 의자 | 가방 상자 책 의자
길다       | long        | text show 다리 치마            | 편지 소설 영화 치마 이야기
짧다       | short       | text show 치마                 | 편지 소설 영화 치마 이야기
빠르다:르  | fast        | ride 자동차 말 컴퓨터          | 자동차 말 컴퓨터 기차
느리다     | slow        | ride 자동차 컴퓨터
깨끗하다   | clean       | clothes shoes room 접시 컵     | clothes shoes 접시 컵
더럽다:ㅂ  | dirty       | clothes shoes room 접시 컵     | clothes shoes 접시 컵
춥다:ㅂ    | cold        | weather
덥다:ㅂ    | hot         | weather
"""

# Answers and greetings, which begin a sentence or stand alone.
OPENERS = "네=Yes 예=Yes 아니요=No 안녕하세요=Hello"

# The demo's own test: sentences as lecture notes write them. None is in another set, in either language.
NOTES = """
나는 집에 간다 | I go home
나는 학생이다 | I am a student
나는 학교에 간다 | I go to school
나는 사과를 먹는다 | I eat an apple
나는 책을 읽는다 | I read a book
나는 커피를 마신다 | I drink coffee
나는 너를 사랑한다 | I love you
나는 고양이를 좋아한다 | I like cats
나는 행복하다 | I am happy
그는 선생님이다 | He is a teacher
그녀는 영어를 공부한다 | She studies English
우리는 음악을 듣는다 | We listen to music
"""
