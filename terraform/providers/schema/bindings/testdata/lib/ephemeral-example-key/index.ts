export class EphemeralExampleKey extends cdktn.TerraformEphemeralResource {
  public static readonly tfResourceType = "example_key";
  // value - computed: true, optional: false, required: false
  public get value() {
    return this.getStringAttribute('value');
  }
}
