/** Of things in line, the one in front, in the order of their numbers. Made for adding at the end and taking from the front. */
export class ContactLine<Item extends { readonly number: number }> {
  #items: Item[] = []
  /** Places before this one are empty: taking from the front of a long array moves all of it. */
  #front = 0

  first(): Item | undefined {
    return this.#items[this.#front]
  }

  /** Puts an item in its place, unless it is there. */
  add(item: Item): void {
    const place = this.#placeOf(item.number)
    if (this.#items[place] === item) return
    if (place === this.#items.length) this.#items.push(item)
    else this.#items.splice(place, 0, item)
  }

  remove(item: Item): void {
    const place = this.#placeOf(item.number)
    if (this.#items[place] !== item) return
    if (place > this.#front) this.#items.splice(place, 1)
    else {
      this.#front += 1
      if (this.#front * 2 >= this.#items.length) {
        this.#items = this.#items.slice(this.#front)
        this.#front = 0
      }
    }
  }

  /** The first place whose item has this number or a later one. */
  #placeOf(number: number): number {
    let low = this.#front
    let high = this.#items.length
    if (low < high && (this.#items[high - 1] as Item).number < number) return high
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#items[middle] as Item).number < number) low = middle + 1
      else high = middle
    }
    return low
  }
}
