import type { Random } from './random.ts';

/** What goes wrong, and how often: as shares of what happens, drawn for each seed. */
export interface Weather {
  /** News to another node. */
  readonly newsLost: number;
  readonly newsTwice: number;
  readonly newsLate: number;
  readonly newsBare: number;
  /** Calls of the store. */
  readonly failsBefore: number;
  readonly failsAfter: number;
  readonly arrivesLate: number;
  /** How long a leg of the way to the store takes, at the usual and at the most. Milliseconds. */
  readonly storeMs: number;
  readonly storeMostMs: number;
  /** Requests and answers of clients. */
  readonly requestLost: number;
  readonly answerLost: number;
  /** Parcels. */
  readonly parcelRefused: number;
  readonly receiptLost: number;
  readonly parcelHangs: number;
  /** Between two misfortunes of a whole node, of its bus, its store or a socket. Milliseconds. */
  readonly misfortuneMs: number;
  /** Clocks of the nodes differ by up to half of this. Milliseconds. */
  readonly skewMs: number;
}

/** From fair to foul. Each thing is now and then left out or in excess, so that it is also seen alone. */
export function drawWeather(random: Random): Weather {
  const foul = random.pick([0, 0.3, 1, 1, 2]);
  const share = (usual: number) => Math.min(0.9, random.pick([0, 1, 1, 1, 3]) * usual * foul);
  return {
    newsLost: share(0.1),
    newsTwice: share(0.1),
    newsLate: share(0.15),
    newsBare: share(0.15),
    failsBefore: share(0.01),
    failsAfter: share(0.02),
    arrivesLate: share(0.005),
    storeMs: random.pick([1, 3, 10]),
    storeMostMs: random.pick([5, 50, 500]),
    requestLost: share(0.02),
    answerLost: share(0.03),
    parcelRefused: share(0.05),
    receiptLost: share(0.05),
    parcelHangs: share(0.01),
    misfortuneMs: foul === 0 ? Number.POSITIVE_INFINITY : random.pick([1500, 4000, 10_000]) / foul,
    skewMs: random.pick([0, 100, 900]),
  };
}

export const fairWeather: Weather = {
  ...{ newsLost: 0, newsTwice: 0, newsLate: 0, newsBare: 0, failsBefore: 0, failsAfter: 0, arrivesLate: 0 },
  ...{ storeMs: 1, storeMostMs: 1, requestLost: 0, answerLost: 0, parcelRefused: 0, receiptLost: 0, parcelHangs: 0 },
  ...{ misfortuneMs: Number.POSITIVE_INFINITY, skewMs: 0 },
};
