import { parsePhoneNumberFromString } from 'libphonenumber-js/max'

/** The rule of a numbering plan that changed, by country and year. */
export type GrownPlanRule =
  | 'ivory-coast-2021'
  | 'benin-2024'
  | 'gabon-2019'
  | 'cameroon-2014'
  | 'mauritius-2013'
  | 'vietnam-2018'
  | 'colombia-2021'

interface GrownPlan {
  readonly rule: GrownPlanRule
  /** Country calling code. */
  readonly code: string
  /** National numbers of the old plan, and what became of them: the number of today, from the groups of the pattern. */
  readonly steps: readonly (readonly [old: RegExp, today: string])[]
  /** The same from today's number: each pattern with the numbers it had before. */
  readonly back: readonly (readonly [today: RegExp, old: readonly string[]])[]
}

/**
 * Numbering plans that gave existing subscribers other numbers, so that one line has an old and a new number. CRMs keep the old ones, and
 * WhatsApp keeps accounts under them.
 *
 * | rule | change | source |
 * |---|---|---|
 * | `ivory-coast-2021` | 8 to 10 digits, a prefix for each operator: mobile 01, 05, 07; fixed 21, 25, 27 | https://www.itu.int/oth/T0202000031/en https://www.artci.ci |
 * | `benin-2024` | 8 to 10 digits, 01 before every number | https://fr.allafrica.com/stories/202411300249.html https://arcep.bj |
 * | `gabon-2019` | 6 before 2, 5 and 6, 7 before 4 and 7, 1 before 1; the zero from abroad was dropped | http://news.alibreville.com/h/89332.html and the recipes of https://github.com/google/libphonenumber/blob/master/migrator/src/data/recipes.csv |
 * | `cameroon-2014` | 8 to 9 digits: 6 before mobile numbers, 2 before fixed ones and those of Camtel | https://www.africatopsuccess.com/cameroon-phone-dialing-plan-moved-from-8-to-9-digits/ |
 * | `mauritius-2013` | 7 to 8 digits: 5 before mobile numbers | https://www.icta.mu/telecom-numbering/ |
 * | `vietnam-2018` | mobile numbers of 10 digits lost one: 120 became 70, 162 became 32 | the recipes of libphonenumber, see above |
 * | `colombia-2021` | 8 to 10 digits: 60 before fixed numbers | https://www.crcom.gov.co (Resolución 5826 of 2019) |
 */
const PLANS: readonly GrownPlan[] = [
  {
    rule: 'ivory-coast-2021',
    code: '225',
    steps: [
      [/^([04-9][0-3]\d{6})$/, '01$1'],
      [/^([04-9][4-6]\d{6})$/, '05$1'],
      [/^([04-9][7-9]\d{6})$/, '07$1'],
      [/^([23]\d8\d{5})$/, '21$1'],
      [/^([23]\d0\d{5})$/, '25$1'],
      [/^([23]\d[1-79]\d{5})$/, '27$1'],
    ],
    back: [[/^(?:01|05|07|21|25|27)(\d{8})$/, ['$1']]],
  },
  { rule: 'benin-2024', code: '229', steps: [[/^([2-9]\d{7})$/, '01$1']], back: [[/^01([2-9]\d{7})$/, ['$1']]] },
  {
    rule: 'gabon-2019',
    code: '241',
    steps: [
      [/^0?([256]\d{6})$/, '6$1'],
      [/^0?([47]\d{6})$/, '7$1'],
      [/^0?(1\d{6})$/, '1$1'],
    ],
    back: [[/^(?:6(?=[256])|7(?=[47])|1(?=1))(\d{7})$/, ['0$1', '$1']]],
  },
  {
    rule: 'cameroon-2014',
    code: '237',
    steps: [
      [/^([2-4]\d{7})$/, '2$1'],
      [/^([5-9]\d{7})$/, '6$1'],
    ],
    back: [[/^(?:2(?=[2-4])|6(?=[5-9]))(\d{8})$/, ['$1']]],
  },
  { rule: 'mauritius-2013', code: '230', steps: [[/^([24789]\d{6})$/, '5$1']], back: [[/^5([24789]\d{6})$/, ['$1']]] },
  {
    rule: 'vietnam-2018',
    code: '84',
    steps: [
      [/^12([068]\d{7})$/, '7$1'],
      [/^121(\d{7})$/, '79$1'],
      [/^122(\d{7})$/, '77$1'],
      [/^12([345]\d{7})$/, '8$1'],
      [/^127(\d{7})$/, '81$1'],
      [/^129(\d{7})$/, '82$1'],
      [/^16([2-9]\d{7})$/, '3$1'],
      [/^18([68]\d{7})$/, '5$1'],
      [/^199(\d{7})$/, '59$1'],
    ],
    back: [
      [/^7([068]\d{7})$/, ['12$1']],
      [/^79(\d{7})$/, ['121$1']],
      [/^77(\d{7})$/, ['122$1']],
      [/^8([345]\d{7})$/, ['12$1']],
      [/^81(\d{7})$/, ['127$1']],
      [/^82(\d{7})$/, ['129$1']],
      [/^3([2-9]\d{7})$/, ['16$1']],
      [/^5([68]\d{7})$/, ['18$1']],
      [/^59(\d{7})$/, ['199$1']],
    ],
  },
  { rule: 'colombia-2021', code: '57', steps: [[/^([124-8]\d{7})$/, '60$1']], back: [[/^60([124-8]\d{7})$/, ['$1']]] },
]

const BY_CODE = new Map(PLANS.map((plan) => [plan.code, plan]))

export interface PlanStep {
  readonly value: string
  readonly rule: GrownPlanRule
}

/**
 * The number of today of a subscriber whose E.164 number is of an old plan. Nothing for any other number: one that a line of today has,
 * or one whose new number the plan does not know.
 */
export function numberOfToday(e164: string): PlanStep | undefined {
  const plan = planOf(e164)
  if (!plan) return undefined
  const national = nationalOf(e164, plan)
  const step = plan.steps.find(([old]) => old.test(national))
  if (!step) return undefined
  const value = `+${plan.code}${national.replace(...step)}`
  // The list of plans still has Gabon's old numbers, and no new ones of their length.
  if (!isListed(value) || (plan.rule !== 'gabon-2019' && isListed(e164))) return undefined
  return { value, rule: plan.rule }
}

/** The numbers that an E.164 number of today had under the old plan. */
export function numbersBefore(e164: string): readonly PlanStep[] {
  const plan = planOf(e164)
  if (!plan) return []
  const national = nationalOf(e164, plan)
  const olds = plan.back.find(([today]) => today.test(national))
  if (!olds) return []
  const before = olds[1].map((old): PlanStep => ({ value: `+${plan.code}${national.replace(olds[0], old)}`, rule: plan.rule }))
  return before.filter(({ value }) => numberOfToday(value)?.value === e164)
}

function planOf(e164: string): GrownPlan | undefined {
  return BY_CODE.get(e164.slice(1, 4)) ?? BY_CODE.get(e164.slice(1, 3))
}

function nationalOf(e164: string, { code }: GrownPlan): string {
  return e164.slice(code.length + 1)
}

function isListed(e164: string): boolean {
  return parsePhoneNumberFromString(e164)?.isValid() === true
}
