export class DataExampleVet extends cdktn.TerraformDataSource {
  public static readonly tfResourceType = "example_vet";
  // open - computed: true, optional: false, required: false
  public get open() {
    return this.getBooleanAttribute('open');
  }
}
