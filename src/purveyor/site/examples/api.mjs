// A client for API v2. It needs Node 18 or newer and nothing else.
// Keep it on your server: in a browser, your key would be everybody's.

const TIMEOUT_MS = 30_000;
const SERVICES_TIMEOUT_MS = 60_000;

/** The panel refused; the message says why. Nothing was done and nothing was charged. */
export class Refused extends Error {}

/** No usable answer came. What was asked may or may not have been done. */
export class NoAnswer extends Error {}

export class Api {
  #url;
  #key;

  constructor(url, key) {
    this.#url = url;
    this.#key = key;
  }

  /** All services with their prices. */
  services() {
    return this.#call({ action: "services" }, SERVICES_TIMEOUT_MS);
  }

  /**
   * Places an order. Give it an idempotency_key of your own: after NoAnswer, the same call
   * with the same key is safe, it returns the first order instead of placing another one.
   */
  order(fields) {
    return this.#call({ action: "add", ...fields });
  }

  status(orderId) {
    return this.#call({ action: "status", order: orderId });
  }

  /** Up to 100 order ids; the answer is keyed by id, and each entry may be an error. */
  multiStatus(orderIds) {
    return this.#call({ action: "status", orders: orderIds.join(",") });
  }

  refill(orderId) {
    return this.#call({ action: "refill", order: orderId });
  }

  /** Up to 100 order ids; each row of the answer may hold an error. */
  multiRefill(orderIds) {
    return this.#call({ action: "refill", orders: orderIds.join(",") });
  }

  refillStatus(refillId) {
    return this.#call({ action: "refill_status", refill: refillId });
  }

  /** Up to 100 refill ids; each row of the answer may hold an error. */
  multiRefillStatus(refillIds) {
    return this.#call({ action: "refill_status", refills: refillIds.join(",") });
  }

  /** Up to 100 order ids; each row of the answer may hold an error. */
  cancel(orderIds) {
    return this.#call({ action: "cancel", orders: orderIds.join(",") });
  }

  balance() {
    return this.#call({ action: "balance" });
  }

  async #call(fields, timeoutMs = TIMEOUT_MS) {
    let answer;
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        body: new URLSearchParams({ key: this.#key, ...fields }),
        redirect: "error", // a redirect would turn the POST into a GET
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.status !== 200) throw new Error(`HTTP code ${response.status}`);
      answer = await response.json();
      if (answer === null || typeof answer !== "object") throw new Error("the answer is not one of API v2");
    } catch (error) {
      throw new NoAnswer(error.message, { cause: error });
    }
    if (answer.error !== undefined) throw new Refused(answer.error);
    return answer;
  }
}

/** Every call once. It places two orders, which your balance pays for. */
export async function tour(api, service, link, quantity, myReference) {
  const show = (what, answer) => console.log(what, JSON.stringify(answer));

  const orderIds = [];
  for (const path of ["/first", "/second"]) {
    const order = await api.order({
      service,
      link: link + path,
      quantity,
      idempotency_key: myReference + path,
    });
    show("order", order);
    orderIds.push(order.order);
  }
  show("status", await api.status(orderIds[0]));
  show("multiStatus", await api.multiStatus(orderIds));

  try {
    const refill = await api.refill(orderIds[0]);
    show("refill", refill);
    show("refillStatus", await api.refillStatus(refill.refill));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    show("refused", { error: error.message });
  }
  const rows = await api.multiRefill(orderIds);
  show("multiRefill", rows);
  // An entry that was refused is an object with its error; only the others are refill ids.
  const refillIds = rows.map((row) => row.refill).filter((refill) => typeof refill !== "object");
  if (refillIds.length > 0) {
    show("multiRefillStatus", await api.multiRefillStatus(refillIds));
  }
  show("cancel", await api.cancel(orderIds));
}

const api = new Api("https://panel.example/api/v2", "YOUR_API_KEY");

const { balance, currency } = await api.balance();
console.log(balance, currency);
console.log((await api.services()).length, "services");
// await tour(api, 1, "https://example.com", 100, "my-order-1001");
